package poll_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"kith/poll"
)

// A deadline has one error, whoever tells of it first: the kernel's timer, which knows
// no cause, or Go's.
func TestDeadlineHasNoCause(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		for left := range 100 {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(left)*time.Microsecond, errCause)
			_, err := set.Wait(ctx, make([]poll.Event, 1))
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errCause) {
				t.Fatal(err)
			}
		}
	})
}

// Where the loop's body closes the set, nothing that was fetched before comes any more.
func TestEventsOfClosedSet(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		for range 3 {
			r, w := pipe(t)
			write(t, w, "x")
			add(t, set, r, poll.Readable, poll.Level)
		}
		if n := closesInLoop(t, set); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func closesInLoop(t *testing.T, set *poll.Set) (events int) {
	t.Helper()
	for event, err := range set.Events(t.Context()) {
		if event.Registration == nil {
			return events
		}
		if events++; events == 1 {
			err = errors.Join(err, set.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return events
}
