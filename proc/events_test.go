package proc_test

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kith/internal/kithtest"
	"kith/proc"
)

// ended starts so many processes, each with its number as its status, that have ended
// when it returns, and were not waited for.
func ended(t *testing.T, w *proc.Watcher, n int) map[*proc.Watch]int {
	t.Helper()
	watches := map[*proc.Watch]int{}
	second := watcher(t)
	var commands []*exec.Cmd
	for i := range n {
		cmd := exec.Command("sh", "-c", "exit "+strconv.Itoa(i))
		watches[must(t)(w.Start(cmd))] = i
		must(t)(second.Process(cmd.Process.Pid))
		commands = append(commands, cmd)
	}
	for second.Len() > 0 {
		next(t, second)
	}
	t.Cleanup(func() {
		for _, cmd := range commands {
			_ = cmd.Wait()
		}
	})
	return watches
}

// Who leaves the loop, or whose ctx ends, leaves the rest to the next.
func TestIterationGoesOn(t *testing.T) {
	w := watcher(t)
	const n = 100
	watches := ended(t, w, n)
	var got []int
	take := func(event proc.Event) { got = append(got, watches[event.Watch()]) }
	for turn := range n / 2 {
		ctx, cancel := context.WithCancel(t.Context())
		for event, err := range w.Events(ctx) {
			if ctx.Err() != nil {
				if !errors.Is(err, context.Canceled) || event != nil {
					t.Errorf("%v, %v", event, err)
				}
				break
			}
			take(event)
			cancel()
		}
		cancel()
		for event := range w.Events(t.Context()) {
			take(event)
			break
		}
		if left := n - 2*turn - 2; w.Len() != left {
			t.Errorf("%d are left, want %d", w.Len(), left)
		}
	}
	slices.Sort(got)
	for i := range n {
		if got[i] != i {
			t.Fatalf("%v", got)
		}
	}
}

// The cause of the end, of who waits and of who waits for its turn.
func TestEnds(t *testing.T) {
	w := watcher(t)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	first := kithtest.Go(func() error { _, err := one(ctx, w); return err })
	second := kithtest.Go(func() error { _, err := one(ctx, w); return err })
	if err := kithtest.Parked(first, second); err != nil {
		t.Error(err)
	}
	cancel(cause)
	for _, call := range []*kithtest.Call{first, second} {
		if err := call.Wait(); !errors.Is(err, cause) {
			t.Error(err)
		}
	}
	if _, err := one(ctx, w); !errors.Is(err, cause) {
		t.Errorf("after the end: %v", err)
	}
	soon, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := one(soon, w); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// One who takes an event and does not come again leaves the others to who waits.
func TestEventsGoToWhoWaits(t *testing.T) {
	w := watcher(t)
	const hearers = 8
	first := kithtest.Go(func() error { _, err := one(t.Context(), w); return err })
	calls := []*kithtest.Call{first}
	for range hearers - 1 {
		calls = append(calls, kithtest.Go(func() error { _, err := one(t.Context(), w); return err }))
	}
	if err := kithtest.Parked(calls...); err != nil {
		t.Error(err)
	}
	ended(t, w, hearers)
	for _, call := range calls {
		if err := call.Wait(); err != nil {
			t.Error(err)
		}
	}
	empty(t, w)
}

// A watch that was removed has no event, though its process has ended, and though the event
// has come already.
func TestRemove(t *testing.T) {
	w := watcher(t)
	const n = 40
	watches := ended(t, w, n)
	gone := next(t, w).Watch() // others are in the queue from here on
	delete(watches, gone)
	gone.Remove()
	for watch, i := range watches {
		if i%2 == 0 {
			watch.Remove()
			delete(watches, watch)
		}
	}
	for w.Len() > 0 {
		event := next(t, w)
		if _, is := watches[event.Watch()]; !is {
			t.Errorf("%v", event)
		}
		delete(watches, event.Watch())
	}
	if len(watches) > 0 {
		t.Errorf("%d have no event", len(watches))
	}
}

// Watches are begun, removed and ended by some, while others iterate.
func TestAtOnce(t *testing.T) {
	w := watcher(t)
	ctx, done := context.WithCancel(t.Context())
	defer done()
	var others, hearers sync.WaitGroup
	var mu sync.Mutex
	var last atomic.Bool // nothing more is begun or removed
	count := map[*proc.Watch]int{}
	commands := map[*proc.Watch]*exec.Cmd{}
	for range 3 {
		hearers.Go(func() {
			for event, err := range w.Events(ctx) {
				if err != nil {
					return
				}
				mu.Lock()
				count[event.Watch()]++
				mu.Unlock()
				if last.Load() && w.Len() == 0 {
					done()
				}
			}
		})
	}
	for worker := range 4 {
		others.Go(func() {
			for i := range 60 {
				cmd := exec.Command("true")
				watch, err := w.Start(cmd)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				commands[watch] = cmd
				mu.Unlock()
				if (worker+i)%3 == 0 {
					watch.Remove()
				}
			}
		})
	}
	others.Wait()
	last.Store(true)
	cmd := exec.Command("true")
	watch := must(t)(w.Start(cmd))
	mu.Lock()
	commands[watch] = cmd
	mu.Unlock()
	hearers.Wait()
	for _, cmd := range commands {
		_ = cmd.Wait()
	}
	for watch, n := range count {
		if n != 1 || commands[watch] == nil {
			t.Errorf("%v has %d events", watch, n)
		}
	}
}
