package poll_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/poll"
)

func TestWait(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		registration := add(t, set, r, poll.Readable, poll.Level)
		waiting := waits(t, set)
		write(t, w, "x")
		waiting.returns(t, poll.Event{Registration: registration, Ready: poll.Readable})
		for _, wait := range []func(context.Context, []poll.Event) (int, error){set.Wait, func(_ context.Context, e []poll.Event) (int, error) { return set.TryWait(e) }} {
			if _, err := wait(t.Context(), nil); !errors.Is(err, unix.EINVAL) {
				t.Error(err)
			}
		}
	})
}

func TestContextEndsWait(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		registration := add(t, set, r, poll.Readable, poll.Level)
		ctx, cancel := context.WithCancelCause(t.Context())
		waiting, queued := waitsFor(ctx, t, set), waitsFor(ctx, t, set)
		other := waits(t, set)
		cancel(errCause)
		if one, two := waiting.Wait(), queued.Wait(); !errors.Is(one, errCause) || !errors.Is(two, errCause) {
			t.Error(one, two)
		}
		if err := other.Parked(); err != nil {
			t.Error(err)
		}
		write(t, w, "x")
		other.returns(t, poll.Event{Registration: registration, Ready: poll.Readable})
		if _, err := set.Wait(ctx, make([]poll.Event, 1)); !errors.Is(err, errCause) { // also of what is ready
			t.Error(err)
		}
	})
}

// A deadline ends the wait, and says so whoever sees it first: the kernel's timer,
// or Go's. It is kept by each of those who wait.
func TestDeadline(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, _ := pipe(t)
		add(t, set, r, poll.Readable, poll.Level)
		for _, left := range []time.Duration{-time.Hour, 0, 1, 300 * time.Microsecond, 3 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), left)
			if n, err := set.Wait(ctx, make([]poll.Event, 1)); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v: %d, %v", left, n, err)
			}
			cancel()
		}
		waiting := waits(t, set) // the timer of before is not its own
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := set.Wait(ctx, make([]poll.Event, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := waiting.Parked(); err != nil {
			t.Error(err)
		}
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		waiting.returns(t)
	})
}

// A deadline beyond what the kernel's times can say is one all the same.
func TestDeadlineFarAway(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(290*365*24*time.Hour))
		defer cancel()
		waiting := waitsFor(ctx, t, set)
		if err := set.Wake(); err != nil {
			t.Error(err)
		}
		waiting.returns(t)
	})
}

// A deadline of less than a millisecond is met before Go's own timer says so: the set
// is woken by the kernel's.
func TestDeadlineIsFine(t *testing.T) {
	set := only(t, poll.Epoll)
	first := 0
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Microsecond)
		if _, err := set.Wait(ctx, make([]poll.Event, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if ctx.Err() == nil {
			first++
		}
		cancel()
	}
	if first == 0 {
		t.Error("Go's timer was first, always")
	}
}
