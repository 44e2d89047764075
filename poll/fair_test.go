package poll_test

import (
	"context"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/poll"
)

// Of 500 sources that are always ready, in batches of eight, none starves: each comes
// once before any comes a third time.
func TestFair(t *testing.T) {
	const sources, batch = 500, 8
	each(t, func(t *testing.T, set *poll.Set) {
		told := map[*poll.Registration]int{}
		for range sources {
			r, w := pipe(t)
			write(t, w, "x")
			told[add(t, set, r, poll.Readable, poll.Level)] = 0
		}
		events := make([]poll.Event, batch)
		for range 2 * sources / batch {
			n, err := set.Wait(soon(t), events)
			if n != batch || err != nil {
				t.Fatal(n, err)
			}
			for _, event := range events {
				told[event.Registration]++
			}
		}
		for _, times := range told {
			if times < 1 || times > 3 {
				t.Errorf("one was told %d times", times)
			}
		}
	})
}

// Room for one event is enough, also where the set's own descriptors are ready.
func TestRoomForOne(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		events := make([]poll.Event, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if n, _ := set.Wait(ctx, events); n != 0 { // its timer stays behind
			t.Error(n)
		}
		r, w := pipe(t)
		ready := poll.Event{Registration: add(t, set, r, poll.Readable, poll.Level), Ready: poll.Readable}
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		write(t, w, "x")
		if n, err := set.TryWait(events); n != 1 || events[0] != ready || err != nil {
			t.Errorf("%v, %v", events[:n], err)
		}
	})
}

func ticking(t *testing.T) *os.File {
	t.Helper()
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	timer := file(t, "timerfd", fd, err)
	tick := unix.NsecToTimespec(int64(100 * time.Microsecond))
	if err := unix.TimerfdSettime(number(t, timer), 0, &unix.ItimerSpec{Interval: tick, Value: tick}, nil); err != nil {
		t.Fatal(err)
	}
	return timer
}

// What is ready costs no allocation, and an epoll's waiting none either.
func TestNoAllocation(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		events := make([]poll.Event, 4)
		if t.Name() == "TestNoAllocation/epoll" {
			timer, count := ticking(t), make([]byte, 8)
			registration := add(t, set, timer, poll.Readable, poll.Level)
			allocatesNothing(t, func() {
				if n, err := set.Wait(ctx, events); n != 1 || err != nil {
					t.Error(n, err)
				}
				_, _ = timer.Read(count)
			})
			registration.Remove()
		}
		r, w := pipe(t)
		write(t, w, "x")
		add(t, set, r, poll.Readable, poll.Level)
		allocatesNothing(t, func() {
			_, failed := set.Wait(ctx, events)
			if n, err := set.TryWait(events); n != 1 || err != nil || failed != nil {
				t.Error(n, err, failed)
			}
		})
	})
}

func allocatesNothing(t *testing.T, f func()) {
	t.Helper()
	if count := testing.AllocsPerRun(200, f); count != 0 {
		t.Errorf("it allocates %v times", count)
	}
}

// Epolls that wait hold no thread.
func TestNoThread(t *testing.T) {
	before := threads(t)
	var waiters []*waiter
	var sets []*poll.Set
	for range 100 {
		set := only(t, poll.Epoll)
		sets, waiters = append(sets, set), append(waiters, waits(t, set), waits(t, set))
	}
	if now := threads(t); now > before+len(sets)/2 {
		t.Errorf("%d threads, where %d were", now, before)
	}
	for i, waiting := range waiters {
		if err := sets[i/2].Wake(); err != nil {
			t.Error(err)
		}
		waiting.returns(t)
	}
}

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// Signals that interrupt the threads which wait are nobody's event.
func TestInterrupted(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		ready := poll.Event{Registration: add(t, set, r, poll.Readable, poll.Level), Ready: poll.Readable}
		waiting := waits(t, set)
		for range 20 {
			tasks, err := os.ReadDir("/proc/self/task")
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range tasks {
				_ = unix.Tgkill(os.Getpid(), atoi(t, task.Name()), unix.SIGURG) // as the runtime does, too
			}
		}
		if err := waiting.Parked(); err != nil {
			t.Error(err)
		}
		write(t, w, "x")
		waiting.returns(t, ready)
	})
}
