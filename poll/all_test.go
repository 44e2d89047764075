package poll_test

import (
	"context"
	"errors"
	"testing"

	"kith/poll"
)

// A loop that ends early, or by a panic, loses nothing of what it was not given.
func TestEventsEndEarly(t *testing.T) {
	modes := map[poll.Backend][]poll.Mode{
		poll.Epoll:  {poll.Level, poll.Edge, poll.OneShot, poll.Edge | poll.OneShot, poll.Exclusive | poll.Edge},
		poll.Poll:   {poll.Level, poll.OneShot},
		poll.Select: {poll.Level, poll.OneShot},
	}
	for backend, modes := range modes {
		for _, mode := range modes {
			set := only(t, backend)
			untold := map[*poll.Registration]bool{}
			for range 10 {
				r, w := pipe(t)
				write(t, w, "x")
				untold[add(t, set, r, poll.Readable, mode)] = true
			}
			takeOne := func(panics bool) {
				defer func() { _ = recover() }()
				for event := range set.Events(soon(t)) {
					delete(untold, event.Registration)
					if panics {
						panic("in the loop")
					}
					break
				}
			}
			takeOne(false)
			takeOne(true)
			for _, event := range tries(t, set) {
				delete(untold, event.Registration)
			}
			if len(untold) != 0 {
				t.Errorf("%s, %#x: %d were lost", backend, mode, len(untold))
			}
		}
	}
}

// Of what the loop's body removes, nothing comes any more.
func TestEventsOfWhatIsRemoved(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		var all []*poll.Registration
		for range 3 {
			r, w := pipe(t)
			write(t, w, "x")
			all = append(all, add(t, set, r, poll.Readable, poll.Level))
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		count := 0
		for event, err := range set.Events(ctx) {
			if err != nil {
				if !errors.Is(err, errCause) || event != (poll.Event{}) {
					t.Error(event, err)
				}
				continue
			}
			count++
			for _, r := range all {
				r.Remove()
			}
			cancel(errCause)
		}
		if count != 1 {
			t.Errorf("%d events", count)
		}
	})
}
