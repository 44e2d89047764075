package proc_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/proc"
)

var killed = way{"signal", int(unix.SIGKILL)}

func write(t *testing.T, directory, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(directory, file), []byte(text), 0); err != nil {
		t.Fatal(err)
	}
}

func rmdir(t *testing.T, group string) {
	t.Helper()
	if err := unix.Rmdir(group); err != nil {
		t.Fatalf("rmdir %s: %v", group, err)
	}
}

// eater is a process in the group, which uses so many megabytes when it is told to.
func eater(t *testing.T, group string, megabytes int) *kithtest.Child {
	t.Helper()
	child := kithtest.C(t, "testdata/eat.c", strconv.Itoa(megabytes)).Start()
	if _, err := child.Hear(); err != nil {
		t.Fatal(err)
	}
	write(t, group, "cgroup.procs", strconv.Itoa(child.Cmd.Process.Pid))
	return child
}

// small is a group of version 1 with little memory.
func small(t *testing.T) string {
	t.Helper()
	group := kithtest.MemoryGroup(t)
	write(t, group, "memory.limit_in_bytes", "8M")
	return group
}

// oom makes a process in the group run out of memory, and returns when it has been killed.
func oom(t *testing.T, group string) {
	t.Helper()
	child := eater(t, group, 64)
	_ = child.Say("eat")
	if line, err := child.Hear(); err == nil {
		t.Fatalf("%q, and was to be killed", line)
	}
	_ = child.Wait()
}

// A tally is how often the kernel says that a group was out of memory: more than once for a
// kill, now and then. It is begun after the watch, and so ends before it, by the removal.
type tally struct {
	testing.TB
	eventfd int
}

func newTally(t *testing.T, group string) tally {
	t.Helper()
	control, err := os.Open(filepath.Join(group, "memory.oom_control"))
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	eventfd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(eventfd) })
	write(t, group, "cgroup.event_control", fmt.Sprintf("%d %d", eventfd, control.Fd()))
	return tally{t, eventfd}
}

// agrees is for a group that was removed.
func (y tally) agrees(group *proc.Watch, times, kills uint64) {
	y.Helper()
	var value [8]byte
	if _, err := unix.Read(y.eventfd, value[:]); err != nil {
		y.Fatal(err)
	}
	if all := binary.NativeEndian.Uint64(value[:]) - 1; times != all || times < kills || kills == 0 && times > 0 {
		y.Errorf("%v was out of memory %d times, where the kernel has %d, and %d were killed", group, times, all, kills)
	}
}

func TestOutOfMemory(t *testing.T) {
	group := small(t)
	w := watcher(t)
	watch := must(t)(w.Cgroup(group))
	if watch.Path() != group || watch.PID() != 0 || watch.String() != "cgroup "+group {
		t.Errorf("%v", watch)
	}
	tally := newTally(t, group)
	var times, kills uint64
	take := func(event proc.OutOfMemory) { times, kills = times+event.Times, kills+event.Killed }
	child := eater(t, group, 64)
	process := must(t)(w.Process(child.Cmd.Process.Pid))
	_ = child.Say("eat")
	for ended := false; !ended || times == 0; {
		switch event := next(t, w).(type) {
		case proc.OutOfMemory:
			if take(event); event.Watch() != watch || event.Last() {
				t.Errorf("%v", event)
			}
		case proc.Exited:
			ended = true
			if wrong := killed.differs(event.Status); wrong != "" || event.Watch() != process {
				t.Errorf("%v", event)
			}
		default:
			t.Errorf("%v", event)
		}
	}
	_ = child.Wait()
	for all := uint64(2); all <= 3; all++ {
		oom(t, group)
		for kills < all { // the first may be told with the second
			take(next(t, w).(proc.OutOfMemory))
		}
	}
	rmdir(t, group)
	for {
		event := next(t, w)
		if late, is := event.(proc.OutOfMemory); is {
			take(late)
			continue
		}
		if _, is := event.(proc.Removed); !is || event.Watch() != watch || kills != 3 {
			t.Errorf("%v, and %d killed before", event, kills)
		}
		break
	}
	tally.agrees(watch, times, kills)
	empty(t, w)
}

// A group that is removed before anybody looked has either been out of memory or not.
func TestRemovedUnseen(t *testing.T) {
	w := watcher(t)
	tallies, kills, times := map[*proc.Watch]tally{}, map[*proc.Watch]uint64{}, map[*proc.Watch]uint64{}
	for n := range uint64(4) {
		group := small(t)
		watch := must(t)(w.Cgroup(group))
		tallies[watch], kills[watch] = newTally(t, group), n
		for range n {
			oom(t, group)
		}
		rmdir(t, group)
	}
	for w.Len() > 0 {
		switch event := next(t, w).(type) {
		case proc.OutOfMemory:
			times[event.Watch()] += event.Times
		case proc.Removed:
			tallies[event.Watch()].agrees(event.Watch(), times[event.Watch()], kills[event.Watch()])
		default:
			t.Errorf("%v", event)
		}
	}
}

// Groups run out of memory, or do not, and are removed at once, while others look.
func TestManyGroups(t *testing.T) {
	kithtest.NeedKernel(t, "memory-group")
	w := watcher(t)
	const groups = 60
	ctx, done := context.WithCancel(t.Context())
	defer done()
	var mu sync.Mutex
	times, last := map[*proc.Watch]uint64{}, map[*proc.Watch]int{}
	ended := make(chan struct{}, groups)
	var hearers sync.WaitGroup
	for range 3 {
		hearers.Go(func() {
			for event, err := range w.Events(ctx) {
				if err != nil {
					return
				}
				mu.Lock()
				switch event := event.(type) {
				case proc.OutOfMemory:
					times[event.Watch()] += event.Times
					if last[event.Watch()] > 0 {
						t.Errorf("%v after the last", event)
					}
				case proc.Removed:
					last[event.Watch()]++
					ended <- struct{}{}
				default:
					t.Errorf("%v", event)
				}
				mu.Unlock()
			}
		})
	}
	tallies, kills := map[*proc.Watch]tally{}, map[*proc.Watch]uint64{}
	for i := range groups {
		group := small(t)
		watch := must(t)(w.Cgroup(group))
		tallies[watch] = newTally(t, group)
		for range i % 3 {
			oom(t, group)
			kills[watch]++
		}
		rmdir(t, group)
	}
	for range groups {
		<-ended
	}
	empty(t, w)
	done()
	hearers.Wait()
	for watch, tally := range tallies {
		tally.agrees(watch, times[watch], kills[watch])
	}
}
