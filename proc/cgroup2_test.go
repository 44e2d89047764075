package proc_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/proc"
)

// expect is the next event of a watch, of the same type as like.
func expect(t *testing.T, w *proc.Watcher, watch *proc.Watch, like proc.Event) {
	t.Helper()
	event := next(t, w)
	if reflect.TypeOf(event) != reflect.TypeOf(like) || event.Watch() != watch {
		t.Fatalf("%T of %v, want %T of %v", event, event.Watch(), like, watch)
	}
}

// join moves a process into the group.
func join(t *testing.T, group string, child *kithtest.Child) {
	t.Helper()
	write(t, group, "cgroup.procs", strconv.Itoa(child.Cmd.Process.Pid))
}

func TestUnified(t *testing.T) {
	group := kithtest.UnifiedGroup(t)
	w := watcher(t)
	watch := must(t)(w.Cgroup(group))
	for range 2 {
		child := ender(t, way{"exit", 0}).Start()
		join(t, group, child)
		expect(t, w, watch, proc.Populated{})
		child.Kill()
		expect(t, w, watch, proc.Emptied{})
	}
	rmdir(t, group)
	expect(t, w, watch, proc.Removed{})
	empty(t, w)
}

// A group that is watched while it has a process, and one whose process is below it.
func TestUnifiedPopulatedAtFirst(t *testing.T) {
	group := kithtest.UnifiedGroup(t)
	child := ender(t, way{"exit", 0}).Start()
	below := group + "/below"
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	join(t, below, child)
	w := watcher(t)
	watch := must(t)(w.Cgroup(group))
	child.Kill()
	expect(t, w, watch, proc.Emptied{})
	rmdir(t, below)
	inner := must(t)(w.Cgroup(group))
	rmdir(t, group)
	ended := map[*proc.Watch]bool{}
	for range 2 {
		if event, is := next(t, w).(proc.Removed); is {
			ended[event.Watch()] = true
		}
	}
	if !ended[watch] || !ended[inner] {
		t.Errorf("removed: %v", ended)
	}
}

// A group that was emptied and removed before anybody looked was emptied first.
func TestUnifiedUnseen(t *testing.T) {
	group := kithtest.UnifiedGroup(t)
	child := ender(t, way{"exit", 0}).Start()
	join(t, group, child)
	w := watcher(t)
	watch := must(t)(w.Cgroup(group))
	child.Kill()
	rmdir(t, group)
	expect(t, w, watch, proc.Emptied{})
	expect(t, w, watch, proc.Removed{})
	empty(t, w)
}

// A group's name that is another's by the time anybody looks.
func TestUnifiedNameReused(t *testing.T) {
	group := kithtest.UnifiedGroup(t)
	w := watcher(t)
	const turns = 50
	watches := map[*proc.Watch]bool{}
	for range turns {
		watches[must(t)(w.Cgroup(group))] = true
		rmdir(t, group)
		if err := os.Mkdir(group, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	now := must(t)(w.Cgroup(group))
	for range turns {
		event, is := next(t, w).(proc.Removed)
		if !is || !watches[event.Watch()] {
			t.Errorf("%v", event)
		}
		delete(watches, event.Watch())
	}
	child := ender(t, way{"exit", 0}).Start()
	join(t, group, child)
	expect(t, w, now, proc.Populated{})
	child.Kill()
	expect(t, w, now, proc.Emptied{})
	rmdir(t, group)
	expect(t, w, now, proc.Removed{})
}

// The kernel is not asked about directories any more in which nobody watches a group.
func TestUnifiedForgets(t *testing.T) {
	group := kithtest.UnifiedGroup(t)
	w := watcher(t)
	before := inotified(t)
	first, second := must(t)(w.Cgroup(group)), must(t)(w.Cgroup(group))
	first.Remove()
	if during := inotified(t); during != before+1 {
		t.Errorf("inotify looks at %d, want %d", during, before+1)
	}
	second.Remove()
	if after := inotified(t); after != before {
		t.Errorf("inotify looks at %d, want %d", after, before)
	}
}

// inotified is how many files inotify looks at for this process.
func inotified(t *testing.T) (n int) {
	t.Helper()
	infos, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		text, _ := os.ReadFile(info) // that of Glob is closed by now
		n += strings.Count(string(text), "inotify wd:")
	}
	return n
}

// Many groups, removed in one go.
func TestManyUnified(t *testing.T) {
	parent := kithtest.UnifiedGroup(t)
	w := watcher(t)
	const groups = 300
	watches := map[*proc.Watch]int{}
	for i := range groups {
		group := fmt.Sprintf("%s/%d", parent, i)
		if err := os.Mkdir(group, 0o755); err != nil {
			t.Fatal(err)
		}
		watches[must(t)(w.Cgroup(group))] = 1
	}
	for i := range groups {
		rmdir(t, fmt.Sprintf("%s/%d", parent, i))
	}
	for range groups {
		event, is := next(t, w).(proc.Removed)
		if !is || watches[event.Watch()] != 1 {
			t.Errorf("%v", event)
		}
		delete(watches, event.Watch())
	}
	empty(t, w)
}

// The kernel had no room for the news.
func TestManyMoreUnified(t *testing.T) {
	parent := kithtest.UnifiedGroup(t)
	group, other := parent+"/watched", parent+"/other"
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	w := watcher(t)
	watch := must(t)(w.Cgroup(group))
	for range sys.Setting("/proc/sys/fs/inotify/max_queued_events", 0) / 2 {
		for _, name := range []string{other, other + "2"} { // two that are alike count once
			if err := os.Mkdir(name, 0o755); err != nil {
				t.Fatal(err)
			}
			rmdir(t, name)
		}
	}
	rmdir(t, group)
	expect(t, w, watch, proc.Removed{})
}

func TestUnifiedOutOfMemory(t *testing.T) {
	kithtest.NeedKernel(t, "unified-memory")
	group := kithtest.UnifiedGroup(t)
	write(t, group, "memory.max", "8M")
	w := watcher(t)
	watch := must(t)(w.Cgroup(group))
	for range 2 {
		child := eater(t, group, 64)
		expect(t, w, watch, proc.Populated{})
		_ = child.Say("eat")
		var times, kills uint64
		for emptied := false; !emptied || kills == 0; {
			switch event := next(t, w).(type) {
			case proc.OutOfMemory:
				times, kills = times+event.Times, kills+event.Killed
			case proc.Emptied:
				emptied = true
			default:
				t.Errorf("%v", event)
			}
		}
		if times == 0 || kills != 1 {
			t.Errorf("out of memory %d times, %d killed", times, kills)
		}
		_ = child.Wait()
	}
	rmdir(t, group)
	expect(t, w, watch, proc.Removed{})
}
