package poll

import (
	"context"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Set is sources to wait for. Any number of goroutines may use it at once, also
// while others wait: an event goes to one of those, who take turns.
type Set struct {
	backend backend
	bell    bell

	mu     sync.Mutex
	turn   turn
	byFD   map[int]*Registration
	woken  bool // by Wake, and no Wait has returned since
	closed bool
	note   func(fd uintptr) // notes the number that a source has
	lentFD int              // what it noted
}

// A backend is how the kernel is asked. All but wait is called under the set's mu;
// prepare, wait, collect and close in the set's turn.
type backend interface {
	add(r *Registration) error    // its source is held open
	modify(r *Registration) error // and here
	remove(r *Registration)       // its source may be closed
	disarmed(r *Registration)     // a OneShot was told

	// prepare comes before each wait, for so many events at most.
	prepare(most int, block bool)
	// wait looks, and may wait, until something has come or ctx has ended.
	wait(ctx context.Context, block bool) error
	// collect turns what has come into events. Again says that there may be more than
	// was looked at, and that none of that were events.
	collect(events []Event) (n int, again bool, err error)
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
	s := &Set{turn: newTurn(), byFD: map[int]*Registration{}, bell: bell}
	s.note = func(fd uintptr) { s.lentFD = int(fd) }
	switch kind {
	case Epoll:
		s.backend, err = newEpoll(s)
	case Poll:
		s.backend, err = newPoll(s)
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
// that do not go with Exclusive; EBADF for a descriptor that is none, or was opened with
// O_PATH; ELOOP for an epoll in itself, or in four others; ENOMEM; os.ErrClosed; what the
// source's SyscallConn says. Its Control is called with the set locked, now and later: it
// must not call the set.
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	return r.lent(func(fd uintptr) error {
		r.fd = int(fd)
		if uintptr(int32(fd)) != fd { // cut to its 32 bits, it would be another's
			return unix.EBADF
		}
		return s.admit(r)
	})
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
	if !s.woken { // or the bell rings, or the next Wait looks before it waits
		s.woken = true
		s.bell.ring()
	}
	return nil
}

// Close ends all registrations; the sources stay open. Those who wait return with
// os.ErrClosed. Closing twice is os.ErrClosed.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return failed("close", os.ErrClosed)
	}
	s.closed = true
	s.bell.ring()
	if !s.turn.take() {
		_ = s.await(context.Background()) // until nobody is in the kernel
	}
	defer s.turn.pass()
	clear(s.byFD)
	s.bell.close()
	return failed("close", s.backend.close())
}
