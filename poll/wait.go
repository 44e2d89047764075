package poll

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Wait waits until a source is ready, and puts what is into events, from the first
// on: as many as fit, at least one. Which sources come first changes, so that none
// starves. None and no error is a Wake. The registrations in events are good until
// they are removed.
//
// The deadline of ctx is kept more finely than Go's timers do: by a timerfd, or by the
// timeout of ppoll(2) or pselect(2), with the precision of the kernel's timers.
//
// Errors: the cause of ctx's end; context.DeadlineExceeded; os.ErrClosed; EINVAL where
// events has no room; ipc.ErrTooManyWaiting (Poll and Select).
func (s *Set) Wait(ctx context.Context, events []Event) (int, error) {
	return s.take(ctx, events, true)
}

// TryWait is Wait that never waits: no event and no error is that nothing is ready. While
// others wait in the set, they are given what is, and TryWait finds nothing.
func (s *Set) TryWait(events []Event) (int, error) {
	return s.take(context.Background(), events, false)
}

func (s *Set) take(ctx context.Context, events []Event, block bool) (int, error) {
	n, err := 0, error(unix.EINVAL)
	if len(events) > 0 {
		n, err = s.inTurn(ctx, events, block)
	}
	return n, failed(s.backend.waiting(), err)
}

func (s *Set) inTurn(ctx context.Context, events []Event, block bool) (int, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	select {
	case s.turn <- struct{}{}:
	default:
		if !block {
			return 0, nil
		}
		if err := s.awaitTurn(ctx); err != nil {
			return 0, err
		}
	}
	defer func() { <-s.turn }()
	n, stop, err := s.look(ctx, events, false)
	for block && !stop {
		n, stop, err = s.look(ctx, events, true)
	}
	return n, err
}

func (s *Set) awaitTurn(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// look returns whether there is something to return from Wait for.
func (s *Set) look(ctx context.Context, events []Event, block bool) (n int, stop bool, err error) {
	if err := s.backend.wait(ctx, len(events), block); err != nil {
		return 0, true, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, true, os.ErrClosed
	}
	n, err = s.backend.collect(events)
	if n > 0 {
		err = nil // it comes again
	}
	stop = n > 0 || s.woken || err != nil
	s.woken = s.woken && !stop
	return n, stop, err
}

// left is how long ctx lets us wait; negative: for ever.
func left(ctx context.Context) (time.Duration, error) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return -1, nil
	}
	if left := time.Until(deadline); left > 0 {
		return left, nil
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return 0, context.DeadlineExceeded // Go's timer comes a moment later
}

// inThread makes a call that waits in the kernel, with the timeout that ctx has left.
// It returns how many it found.
func inThread(ctx context.Context, call func(*unix.Timespec) (int, error)) (n int, err error) {
	err = sys.Block(ctx, func() (err error) {
		for {
			timeout, err := timeout(ctx)
			if err != nil {
				return err
			}
			if n, err = call(timeout); n > 0 || err != nil {
				return err
			}
		}
	}, nil)
	return n, err
}

func timeout(ctx context.Context) (*unix.Timespec, error) {
	left, err := left(ctx)
	if err != nil || left < 0 {
		return nil, err
	}
	t := unix.NsecToTimespec(int64(left))
	return &t, nil
}
