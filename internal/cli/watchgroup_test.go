package cli

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

// A group of version 1 runs out of memory, twice, and is removed.
func TestWatchOutOfMemory(t *testing.T) {
	group := kithtest.MemoryGroup(t)
	if err := os.WriteFile(filepath.Join(group, "memory.limit_in_bytes"), []byte("8m"), 0); err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	w := p.watch([]string{group, "memory/" + filepath.Base(group)})
	for range 2 {
		eater := p.foreign("sh", "-c", `echo $$ >"$1/cgroup.procs" && exec tail /dev/zero`, "sh", group)
		_ = eater.Wait()
		if s := eater.Cmd.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() || s.Signal() != unix.SIGKILL {
			t.Fatalf("%v, want that it was killed", eater.Cmd.ProcessState)
		}
		if l := w.hear(); l.Event != "oom" || l.Cgroup != group || *l.Times == 0 {
			t.Errorf("%+v, want that %s is out of memory", l, group)
		}
	}
	if err := os.Remove(group); err != nil {
		t.Fatal(err)
	}
	for {
		l := w.hear()
		if l.Event == "removed" && l.Cgroup == group {
			break
		}
		if l.Event != "oom" { // the kernel tells of one more
			t.Errorf("%+v, want that %s was removed", l, group)
		}
	}
	w.end(exitNoMemory, "")
}

// A group of version 2 gets a process, loses it, and is removed.
func TestWatchUnifiedGroup(t *testing.T) {
	group := kithtest.UnifiedGroup(t)
	p := newPlace(t)
	w := p.watch([]string{group})
	peer := p.foreign("sh", "-c", `echo $$ >"$1/cgroup.procs" && read line`, "sh", group)
	want := func(event string) {
		t.Helper()
		if l := w.hear(); l.Event != event || l.Cgroup != group {
			t.Errorf("%+v, want that %s is %s", l, group, event)
		}
	}
	want("populated")
	peer.Kill()
	want("empty")
	if err := os.Remove(group); err != nil {
		t.Fatal(err)
	}
	want("removed")
	w.end(exitDone, "")
}
