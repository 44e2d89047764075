package poll

import (
	"context"
	"iter"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Set is sources to wait for. Any number of goroutines may use it at once, also
// while others wait: an event goes to one of those, who take turns.
type Set struct {
	backend backend
	turn    chan struct{} // held by whoever waits in the kernel

	mu     sync.Mutex
	byFD   map[int]*Registration
	bell   *bell
	woken  bool // by Wake, and no Wait has returned since
	closed bool
}

// A backend is how the kernel is asked. add, modify, remove, disarmed and collect are
// called under the set's mu; wait, collect and close in the set's turn.
type backend interface {
	add(r *Registration) error // its source is open
	modify(r *Registration) error
	remove(r *Registration) // its source may be closed
	disarmed(r *Registration)

	// wait looks, and may wait, until something has come or ctx has ended.
	wait(ctx context.Context, most int, block bool) error
	// collect turns what has come into events.
	collect(events []Event) (int, error)
	close() error

	waiting() string  // the name of the system call
	register() string // the name of that which registers
}

// New makes a set without sources. The caller must Close it.
//
// Errors: EINVAL for another backend; RLIMIT_NOFILE (EMFILE), file-max (ENFILE) and
// max_user_watches (ENOSPC) as limits; ENOMEM.
func New(kind Backend) (*Set, error) {
	bell, err := newBell()
	if err != nil {
		return nil, failed("eventfd", err)
	}
	s := &Set{turn: make(chan struct{}, 1), byFD: map[int]*Registration{}, bell: bell}
	switch kind {
	case Epoll:
		s.backend, err = newEpoll(s)
	case Poll:
		s.backend = newPoll(s)
	case Select:
		s.backend, err = newSelect(s)
	default:
		err = unix.EINVAL
	}
	if err != nil {
		bell.close()
		return nil, failed(kind.String(), err)
	}
	return s, nil
}

// Add waits for events of a source, from the next Wait on, or from the one under way.
// HangUp and Error come unasked.
//
// Errors: ErrNotPollable; ErrRegistered; ErrNotSupported; an *ipc.LimitError with
// ErrTooHigh, or for max_user_watches; EINVAL for events that cannot be asked for, or
// that do not go with Exclusive; ELOOP for an epoll in itself; ENOMEM; os.ErrClosed.
func (s *Set) Add(source syscall.Conn, want Events, mode Mode) (*Registration, error) {
	r, err := newRegistration(s, source, want, mode)
	if err == nil {
		err = s.usable(want, mode)
	}
	if err == nil {
		err = s.add(r)
	}
	if err != nil {
		return nil, failed(s.backend.register(), err)
	}
	return r, nil
}

func (s *Set) usable(want Events, mode Mode) error {
	const modes = Edge | OneShot | Exclusive
	if want&^wanted != 0 || mode&^modes != 0 {
		return unix.EINVAL
	}
	return nil
}

func (s *Set) add(r *Registration) error {
	inner := os.ErrClosed
	err := r.raw.Control(func(fd uintptr) {
		r.fd = int(fd)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			inner = s.admit(r)
		}
	})
	if err != nil {
		return os.ErrClosed // the runtime's own error does not match it
	}
	return inner
}

// admit refuses a descriptor that is registered. One whose source was closed is
// somebody else's by now, and makes room.
func (s *Set) admit(r *Registration) error {
	if known := s.byFD[r.fd]; known != nil {
		if known.open() {
			return ErrRegistered
		}
		s.drop(known)
	}
	if err := s.backend.add(r); err != nil {
		return registering(err)
	}
	s.byFD[r.fd], r.live = r, true
	return nil
}

// drop ends a registration.
func (s *Set) drop(r *Registration) {
	r.live = false
	delete(s.byFD, r.fd)
	s.backend.remove(r)
}

// Len is how many sources are registered.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byFD)
}

// Wake makes one Wait return, the one under way or the next, with what is ready, which
// may be nothing. Several before that count as one. Errors: os.ErrClosed.
func (s *Set) Wake() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return failed(s.backend.waiting(), os.ErrClosed)
	}
	s.woken = true
	s.bell.ring()
	return nil
}

// Close ends all registrations; the sources stay open. Those who wait return with
// os.ErrClosed. Closing twice is os.ErrClosed.
func (s *Set) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	if !closed {
		s.bell.ring()
	}
	s.mu.Unlock()
	if closed {
		return failed("close", os.ErrClosed)
	}
	s.turn <- struct{}{} // nobody is in the kernel
	defer func() { <-s.turn }()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bell.close()
	return failed("close", s.backend.close())
}

// Events is all events, one by one, until ctx ends or there is an error, which comes
// last. Wake comes as an Event without a Registration. Of a registration that was removed
// meanwhile none comes.
func (s *Set) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var batch [64]Event
		for {
			n, err := s.Wait(ctx, batch[:])
			if err != nil {
				yield(Event{}, err)
				return
			}
			if n == 0 && !yield(Event{}, nil) {
				return
			}
			for _, event := range batch[:n] {
				if s.current(event) && !yield(event, nil) {
					return
				}
			}
		}
	}
}

// current is false for what was removed since it came.
func (s *Set) current(e Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.Registration.live || e.Ready == Closed
}
