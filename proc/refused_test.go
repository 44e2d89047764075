package proc_test

import (
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
	"kith/proc"
)

func TestNoSuchProcess(t *testing.T) {
	w := watcher(t)
	threads := kithtest.C(t, "testdata/threads.c", "number").Start()
	thread := heard(t, threads, func() {})
	ended := ender(t, way{"exit", 0}).Start()
	ended.Kill()
	for pid, want := range map[int][]error{
		0: {unix.EINVAL}, -1: {unix.EINVAL}, math.MinInt: {unix.EINVAL},
		math.MaxInt32:         {proc.ErrNoProcess, unix.ESRCH},
		1<<32 + os.Getpid():   {proc.ErrNoProcess, unix.ESRCH},
		math.MaxInt:           {proc.ErrNoProcess, unix.ESRCH},
		thread:                {proc.ErrThread, unix.EINVAL},
		ended.Cmd.Process.Pid: {proc.ErrNoProcess, unix.ESRCH},
	} {
		for name, call := range map[string]func() error{
			"Process":    func() error { _, err := w.Process(pid); return err },
			"Identify":   func() error { _, err := proc.Identify(pid); return err },
			"Identified": func() error { _, err := w.Identified(proc.Identity{PID: pid}); return err },
		} {
			err := call()
			if _, is := errors.AsType[*os.SyscallError](err); !is || !isAll(err, want...) {
				t.Errorf("%s(%d): %v, want %v", name, pid, err, want)
			}
		}
	}
	empty(t, w)
}

func TestPidfdOfThread(t *testing.T) {
	kithtest.NeedKernel(t, "pidfd-thread")
	w := watcher(t)
	threads := kithtest.C(t, "testdata/threads.c", "number").Start()
	for _, thread := range []int{heard(t, threads, func() {}), threads.Cmd.Process.Pid} {
		if _, err := w.Pidfd(pidfd(t, thread, unix.O_EXCL)); !isAll(err, proc.ErrThread, unix.EINVAL) {
			t.Errorf("the pidfd of a thread: %v", err)
		}
	}
	empty(t, w)
}

func TestIdentity(t *testing.T) {
	w := watcher(t)
	first, err := proc.Identify(os.Getpid())
	if err != nil || first.PID != os.Getpid() || first.Start == 0 {
		t.Errorf("%v, %v", first, err)
	}
	must(t)(w.Identified(first)).Remove()
	for _, other := range []proc.Identity{{first.PID, first.Start + 1}, {first.PID, first.Start - 1}, {first.PID, 0}} {
		if _, err := w.Identified(other); !isAll(err, proc.ErrReused, unix.ESRCH) {
			t.Errorf("%v: %v", other, err)
		}
	}
	empty(t, w)
}

func TestNotPidfd(t *testing.T) {
	w := watcher(t)
	r, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer writer.Close()
	folder, err := os.Open("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	for _, file := range []*os.File{r, writer, folder} {
		if _, err := w.Pidfd(file); !isAll(err, proc.ErrNotPidfd, unix.EBADF) {
			t.Errorf("%s: %v", file.Name(), err)
		}
	}
	closed := pidfd(t, os.Getpid(), 0)
	_ = closed.Close()
	if _, err := w.Pidfd(closed); !isAll(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestNotFIFO(t *testing.T) {
	w := watcher(t)
	directory := t.TempDir()
	socket := filepath.Join(directory, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for path, want := range map[string]error{
		directory: fifo.ErrNotFIFO, socket: fifo.ErrNotFIFO, "/dev/null": fifo.ErrNotFIFO,
		filepath.Join(directory, "none"): unix.ENOENT,
	} {
		_, err := w.FIFO(path)
		if failed, is := errors.AsType[*os.PathError](err); !is || failed.Path != path || !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestNotCgroup(t *testing.T) {
	w := watcher(t)
	directory := t.TempDir()
	file := filepath.Join(directory, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wants := map[string]error{
		directory: proc.ErrNotCgroup, "/proc": proc.ErrNotCgroup,
		file: unix.ENOTDIR, file + "s": unix.ENOENT, "": unix.ENOENT,
	}
	for _, root := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		if _, err := os.Stat(root); err == nil { // those of version 1 that count no memory, and the root of version 2
			wants[root] = proc.ErrNotCgroup
		}
	}
	for path, want := range wants {
		_, err := w.Cgroup(path)
		if failed, is := errors.AsType[*os.PathError](err); !is || failed.Path != path || !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	empty(t, w)
}

// A watcher that was closed is so for everything.
func TestClosed(t *testing.T) {
	w := watcher(t)
	path := filepath.Join(t.TempDir(), "fifo")
	if err := fifo.Make(path, 0o600); err != nil {
		t.Fatal(err)
	}
	watch := must(t)(w.Process(os.Getpid()))
	waiting := kithtest.Go(func() error { _, err := one(t.Context(), w); return err })
	second := kithtest.Go(func() error { _, err := one(t.Context(), w); return err })
	if err := kithtest.Parked(waiting, second); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"who waits": waiting.Wait(), "who waits for its turn": second.Wait(), "Close": w.Close(),
		"Events":  func() error { _, err := one(t.Context(), w); return err }(),
		"Process": func() error { _, err := w.Process(os.Getpid()); return err }(),
		"FIFO":    func() error { _, err := w.FIFO(path); return err }(),
	} {
		if !isAll(err, os.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.FIFO(path)
	if failed, is := errors.AsType[*os.PathError](err); !is || failed.Path != path {
		t.Errorf("FIFO: %v", err)
	}
	watch.Remove()
	empty(t, w)
}
