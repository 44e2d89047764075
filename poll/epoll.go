package poll

import (
	"context"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// epoll waits by epoll(7).
type epoll struct {
	set   *Set
	timer timer

	// Guarded by the set's mu.
	slots    []slot
	free     []int32
	haunted  bool // it may have files that nobody can take out
	threaded bool // it is to be waited for in a thread

	// Of whoever has the turn. It is replaced under the set's mu.
	*instance
	until  func(fd uintptr) bool
	buffer []unix.EpollEvent
	come   []unix.EpollEvent // what is in the buffer
	failed error
}

// The kernel keeps a slot's number and generation with each descriptor: what comes
// of a registration that was removed, or of what it wanted before, is not of the
// slot's generation of now.
type slot struct {
	generation int32
	r          *Registration
}

// The numbers of what is ours.
const (
	bellSlot  = -1
	timerSlot = -2
)

func (e *epoll) waiting() string  { return "epoll_wait" }
func (e *epoll) register() string { return "epoll_ctl" }

func newEpoll(s *Set) (*epoll, error) {
	timer, err := newTimer()
	if err != nil {
		return nil, err
	}
	e := &epoll{set: s, timer: timer}
	if e.instance, err = e.open(); err != nil {
		timer.close()
		return nil, err
	}
	e.until = func(uintptr) bool {
		e.failed = sys.Again(func() error { return e.look(0) })
		return len(e.come) > 0 || e.failed != nil
	}
	return e, nil
}

func (e *epoll) close() error {
	e.timer.close()
	return e.instance.close()
}

func (e *epoll) prepare(most int, _ bool) {
	if cap(e.buffer) < most {
		e.buffer = make([]unix.EpollEvent, most)
	}
	e.buffer = e.buffer[:most]
}

func (e *epoll) wait(ctx context.Context, block bool) error {
	if !block {
		return sys.Again(func() error { return e.look(0) })
	}
	left, err := left(ctx)
	if err != nil {
		return err
	}
	e.timer.set(left)
	if e.file == nil {
		return sys.Block(ctx, func() error { return e.look(-1) }, nil)
	}
	return e.park(ctx)
}

// look waits so many milliseconds.
func (e *epoll) look(milliseconds int) error {
	n, err := unix.EpollWait(e.fd, e.buffer, milliseconds)
	e.come = e.buffer[:max(n, 0)]
	return err
}

func (e *epoll) park(ctx context.Context) error {
	e.bridge.Arm(ctx)
	if err := e.raw.Read(e.until); err != nil {
		return e.bridge.Cause(ctx, err)
	}
	return e.failed
}

func (e *epoll) collect(events []Event) (n int, again bool, err error) {
	stale := false
	for _, come := range e.come {
		switch come.Fd {
		case bellSlot:
			e.set.bell.silence()
		case timerSlot:
			e.timer.silence()
		default:
			slot := &e.slots[come.Fd]
			if slot.generation != come.Pad {
				stale = true
			} else if event, is := slot.r.event(Events(come.Events)); is {
				events[n] = event
				n++
			}
		}
	}
	if stale && e.haunted || e.threaded != (e.file == nil) {
		err = e.renew()
	}
	if n > 0 {
		err = nil // it comes again
	}
	return n, len(e.come) > 0, err
}
