package poll

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// Wait waits until a source is ready, and puts what is into events, from the first
// on: as many as fit, at least one. Which sources come first changes, so that none
// starves. None and no error is a Wake, which may come together with events, too. The
// registrations in events are good until they are removed.
//
// Several goroutines that wait take turns, in the order in which they came: one waits in
// the kernel. The deadline of its ctx is kept more finely than Go's timers do: by a
// timerfd, or by the timeout of ppoll(2) or pselect(2), with the precision of the
// kernel's timers.
//
// Errors: the cause of ctx's end; context.DeadlineExceeded at its deadline, whatever
// the cause would be; os.ErrClosed; EINVAL where events has no room;
// ipc.ErrTooManyWaiting (Poll, Select, and Epoll with Exclusive); RLIMIT_NOFILE as a limit,
// of Poll where it was lowered below the number of sources, of Epoll where it has to make
// a fresh one; then max_user_watches too.
func (s *Set) Wait(ctx context.Context, events []Event) (int, error) {
	n, _, err := s.take(ctx, events, true)
	return n, err
}

// TryWait is Wait that never waits: no event and no error is that nothing is ready. While
// others wait in the set, they are given what is, and TryWait finds nothing. It leaves a
// Wake to those who wait.
func (s *Set) TryWait(events []Event) (int, error) {
	n, _, err := s.take(context.Background(), events, false)
	return n, err
}

// take returns whether there was a Wake, too.
func (s *Set) take(ctx context.Context, events []Event, block bool) (n int, woken bool, err error) {
	switch {
	case len(events) == 0:
		err = unix.EINVAL
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		n, woken, err = s.inTurn(ctx, events, block)
	}
	return n, woken, failed(s.backend.waiting(), atDeadline(ctx, err))
}

// inTurn looks first, and waits if there was nothing.
func (s *Set) inTurn(ctx context.Context, events []Event, block bool) (n int, woken bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ours, err := s.enter(ctx, block)
	if !ours {
		return 0, false, err
	}
	again := true
	for wait := false; again; wait = block {
		n, again, err = s.look(ctx, events, wait)
		woken = s.woken && block && err == nil
		again = !woken && err == nil && n == 0 && (again || block)
	}
	if woken {
		s.woken = false
	}
	s.turn.pass()
	return n, woken, err
}

// look waits once, if it is to. The set's mu is held before and after.
func (s *Set) look(ctx context.Context, events []Event, wait bool) (n int, again bool, err error) {
	s.backend.prepare(len(events), wait)
	s.mu.Unlock()
	err = s.backend.wait(ctx, wait)
	s.mu.Lock()
	if err == nil && s.closed {
		err = os.ErrClosed
	}
	if err != nil {
		return 0, false, err
	}
	return s.backend.collect(events)
}
