package poll

import (
	"context"
	"os"
)

// A turn is the right to be in the kernel for the set, which one goroutine has at a
// time. It is handed on in the order in which they came. All of it is guarded by the
// set's mu.
type turn struct {
	held   bool
	queued int           // who wait, and are not handed it yet
	handed chan struct{} // to one of them; held stays true meanwhile
}

func newTurn() turn { return turn{handed: make(chan struct{}, 1)} }

// take returns whether it was free.
func (t *turn) take() bool {
	free := !t.held
	t.held = true
	return free
}

// pass gives it up, to the next or to nobody.
func (t *turn) pass() {
	if t.held = t.queued > 0; t.held {
		t.queued--
		t.handed <- struct{}{}
	}
}

// leave ends the wait of one who is not to have it, or who was just handed it.
func (t *turn) leave() {
	select {
	case <-t.handed:
		t.pass()
	default:
		t.queued--
	}
}

// await waits for the turn until ctx ends. The set's mu is held before and after,
// and not meanwhile.
func (s *Set) await(ctx context.Context) error {
	s.turn.queued++
	s.mu.Unlock()
	select {
	case <-s.turn.handed:
		s.mu.Lock()
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		s.turn.leave()
		return context.Cause(ctx)
	}
}

// enter takes the turn, and returns whether it is ours. The set's mu is held.
func (s *Set) enter(ctx context.Context, block bool) (ours bool, err error) {
	if s.closed {
		return false, os.ErrClosed
	}
	if s.turn.take() {
		return true, nil
	}
	if !block {
		return false, nil
	}
	if err := s.await(ctx); err != nil {
		return false, err
	}
	if s.closed {
		s.turn.pass()
		return false, os.ErrClosed
	}
	return true, nil
}
