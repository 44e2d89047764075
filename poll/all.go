package poll

import (
	"context"
	"iter"
)

// Events is all events, one by one, until ctx ends or there is an error, which comes
// last. Wake comes as an Event without a Registration. They are fetched up to 64 at a time:
// of a registration that was removed meanwhile none comes, and where the loop ends early,
// what it was not given is told again.
func (s *Set) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var batch [64]Event
		rest := batch[:0]
		defer func() { s.untold(rest) }()
		for {
			n, woken, err := s.take(ctx, batch[:], true)
			if rest = batch[:n]; err != nil {
				yield(Event{}, err)
				return
			}
			if woken && !yield(Event{}, nil) {
				return
			}
			for len(rest) > 0 {
				event := rest[0]
				rest = rest[1:]
				if s.current(event) && !yield(event, nil) {
					return
				}
			}
		}
	}
}

// current is false for what was removed since it came, and of a set that is closed.
func (s *Set) current(e Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && (e.Registration.live || e.Ready == Closed)
}

// untold has the kernel tell again of what it told, and nobody heard. Levels it tells
// anyhow.
func (s *Set) untold(events []Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, event := range events {
		if r := event.Registration; r.live && !s.closed && r.mode&(Edge|OneShot) != 0 {
			_ = r.rearm(r.want) // fails where its source is closed
		}
	}
}
