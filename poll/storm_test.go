package poll_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/poll"
)

// A storm is goroutines that register, make ready, modify, remove, close and use
// numbers again, while others wait for all of it.
type storm struct {
	set     *poll.Set
	waiting sync.Map // *poll.Registration to the chan of who waits for its event
	silent  sync.Map // those that are never ready
}

// What is ready is told, whatever else happens; of what never is, at most that it was
// closed.
func TestStorm(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	each(t, func(t *testing.T, set *poll.Set) {
		s := &storm{set: set}
		ctx, stop := context.WithCancelCause(t.Context())
		var waiters, workers []*kithtest.Call
		for range 4 {
			waiters = append(waiters, kithtest.Go(func() error { return s.wait(ctx) }))
		}
		for i := range 12 {
			work := []func(context.Context) error{s.talk, s.keepSilent, s.haunt}[i%3]
			workers = append(workers, kithtest.Go(func() error {
				for range rounds {
					if err := work(ctx); err != nil {
						stop(err)
						return err
					}
				}
				return nil
			}))
		}
		for _, w := range workers {
			if err := w.Wait(); err != nil {
				t.Error(err)
			}
		}
		stop(errCause)
		for _, w := range waiters {
			if err := w.Wait(); !errors.Is(err, errCause) {
				t.Error(err)
			}
		}
	})
}

func (s *storm) wait(ctx context.Context) error {
	events := make([]poll.Event, 1+rand.IntN(4))
	for {
		n, err := s.set.Wait(ctx, events)
		if err != nil {
			return err
		}
		for _, event := range events[:n] {
			if _, silent := s.silent.Load(event.Registration); silent && event.Ready != poll.Closed {
				return fmt.Errorf("one that is silent is %v", event.Ready)
			}
			if talker, is := s.waiting.Load(event.Registration); is {
				select {
				case talker.(chan poll.Events) <- event.Ready:
				default: // it knows
				}
			}
		}
	}
}

// talk makes a source ready, and waits to hear of it.
func (s *storm) talk(ctx context.Context) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	defer r.Close()
	mode := []poll.Mode{poll.Level, poll.OneShot}[rand.IntN(2)]
	registration, err := s.set.Add(r, 0, mode)
	if err != nil {
		return err
	}
	heard := make(chan poll.Events, 1)
	s.waiting.Store(registration, heard)
	defer s.waiting.Delete(registration)
	_, err = w.WriteString("x")
	if err = errors.Join(err, registration.Modify(poll.Readable)); err != nil {
		return err
	}
	select {
	case ready := <-heard:
		if ready != poll.Readable {
			return fmt.Errorf("%v, not readable", ready)
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if rand.IntN(3) > 0 {
		registration.Remove()
	}
	return s.set.Wake()
}

// keepSilent is closed without a word, and its number is another's at once.
func (s *storm) keepSilent(context.Context) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	registration, err := s.set.Add(r, poll.Readable, poll.Level)
	if err != nil {
		return errors.Join(err, r.Close(), w.Close())
	}
	s.silent.Store(registration, true)
	err = r.Close()
	if rand.IntN(2) > 0 {
		registration.Remove()
	}
	return errors.Join(err, w.Close())
}

// haunt leaves a duplicate behind for a while.
func (s *storm) haunt(context.Context) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	duplicate := -1
	raw, err := r.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { duplicate, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	}
	if err != nil {
		return err
	}
	registration, err := s.set.Add(r, poll.Readable, poll.Level)
	err = errors.Join(err, r.Close())
	if err == nil && rand.IntN(2) > 0 {
		registration.Remove()
	}
	_, written := w.WriteString("boo")
	return errors.Join(err, written, s.set.Wake(), unix.Close(duplicate))
}

// A thousand goroutines wait at once, and as many events, cancelled contexts and a Close
// end them: each event is one's, and all return.
func TestCrowd(t *testing.T) {
	const crowd = 1000
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		registration := add(t, set, r, poll.Readable, poll.OneShot)
		ctx, cancel := context.WithCancelCause(t.Context())
		var told atomic.Int64
		var calls []*kithtest.Call
		for i := range crowd {
			its := t.Context()
			if i%2 > 0 {
				its = ctx
			}
			calls = append(calls, kithtest.Go(func() error {
				n, err := set.Wait(its, make([]poll.Event, 4))
				told.Add(int64(n))
				return err
			}))
		}
		if err := kithtest.Parked(calls...); err != nil {
			t.Error(err)
		}
		const events = 100
		write(t, w, "x")
		late := soon(t)
		for i := range events {
			for told.Load() <= int64(i) {
				if runtime.Gosched(); late.Err() != nil {
					t.Fatalf("event %d does not come", i)
				}
			}
			if err := registration.Modify(poll.Readable); err != nil {
				t.Fatal(err)
			}
		}
		cancel(errCause)
		for i := 1; i < crowd; i += 2 {
			if err := calls[i].Wait(); err != nil && !errors.Is(err, errCause) {
				t.Error(err)
			}
		}
		if err := set.Close(); err != nil {
			t.Error(err)
		}
		for i := 0; i < crowd; i += 2 {
			if err := calls[i].Wait(); err != nil && !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		}
		if n := told.Load(); n < events || n > events+1 {
			t.Errorf("%d events", n)
		}
	})
}
