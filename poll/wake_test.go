package poll_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"kith/internal/kithtest"
	"kith/poll"
)

func TestWake(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		waiting := waits(t, set)
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		waiting.returns(t)
		for range 3 { // they count as one
			if err := set.Wake(); err != nil {
				t.Error(err)
			}
		}
		tells(t, set) // and are left to those who wait
		if n, err := set.Wait(soon(t), make([]poll.Event, 1)); n != 0 || err != nil {
			t.Error(n, err)
		}
		waiting, second := waits(t, set), waits(t, set)
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		waiting.returns(t)
		if err := second.Parked(); err != nil {
			t.Error("one Wake woke two", err)
		}
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		second.returns(t)
	})
}

// A Wait that is cancelled leaves the Wake to the next.
func TestWakeIsNotSpentByAnError(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := set.Wait(ctx, make([]poll.Event, 1)); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if n, err := set.Wait(soon(t), make([]poll.Event, 1)); n != 0 || err != nil {
			t.Error(n, err)
		}
	})
}

// What is set before Wake is seen after the Wait that it ends, always.
func TestNoWakeIsLost(t *testing.T) {
	rounds := int64(1_000_000)
	if testing.Short() {
		rounds = 10_000
	}
	each(t, func(t *testing.T, set *poll.Set) {
		rounds := rounds
		if t.Name() != "TestNoWakeIsLost/epoll" {
			rounds /= 20 // each wait has a thread
		}
		var asked, answered atomic.Int64
		heard := make(chan struct{}, 1)
		call := kithtest.Go(func() error {
			defer close(heard)
			for answered.Load() < rounds {
				if _, err := set.Wait(t.Context(), make([]poll.Event, 1)); err != nil {
					return err
				}
				answered.Store(asked.Load())
				select {
				case heard <- struct{}{}:
				default:
				}
			}
			return nil
		})
		for asked.Add(1) <= rounds {
			if err := set.Wake(); err != nil {
				t.Fatal(err)
			}
			for n := asked.Load(); n%16 == 0 && answered.Load() < n && !ended(call); { // now it waits, or is about to
				<-heard
			}
		}
		if err := errors.Join(set.Wake(), call.Wait()); err != nil {
			t.Error(err)
		}
	})
}

func ended(call *kithtest.Call) bool {
	select {
	case <-call.Done():
		return true
	default:
		return false
	}
}

// Events says of a Wake that came with events, too.
func TestEventsTellOfWake(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		registration := add(t, set, r, poll.Readable, poll.Level)
		write(t, w, "x")
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		seen := map[poll.Event]int{}
		for event, err := range set.Events(soon(t)) {
			if err != nil {
				t.Fatal(err)
			}
			if seen[event]++; seen[poll.Event{}] > 0 && len(seen) > 1 {
				break
			}
		}
		if seen[poll.Event{}] != 1 || seen[poll.Event{Registration: registration, Ready: poll.Readable}] == 0 {
			t.Errorf("%v", seen)
		}
	})
}

func TestClose(t *testing.T) {
	each(t, func(*testing.T, *poll.Set) {}) // gives all back
	for _, backend := range poll.Backends() {
		set := only(t, backend)
		r, w := pipe(t)
		registration := add(t, set, r, poll.Readable, poll.Level)
		waiters := []*waiter{waits(t, set), waits(t, set), waits(t, set)}
		var yielded error
		iterating := kithtest.Go(func() error {
			for _, err := range set.Events(t.Context()) {
				yielded = err
			}
			return nil
		})
		if err := iterating.Parked(); err != nil {
			t.Error(err)
		}
		if err := set.Close(); err != nil {
			t.Error(err)
		}
		for _, w := range waiters {
			if err := w.Wait(); !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		}
		if err := iterating.Wait(); err != nil || !errors.Is(yielded, os.ErrClosed) {
			t.Error(err, yielded)
		}
		write(t, w, "x")
		_, added := set.Add(r, poll.Readable, poll.Level)
		_, waited := set.Wait(t.Context(), make([]poll.Event, 1))
		_, tried := set.TryWait(make([]poll.Event, 1))
		for _, err := range []error{added, waited, tried, registration.Modify(0), set.Wake(), set.Close()} {
			var call *os.SyscallError
			if !errors.Is(err, os.ErrClosed) || !errors.As(err, &call) {
				t.Errorf("%s: %v", backend, err)
			}
		}
		registration.Remove()
		if set.Len() != 0 {
			t.Error(set.Len())
		}
		read(t, r, 1) // the source stays open
	}
}
