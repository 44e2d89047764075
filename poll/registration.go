package poll

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Registration is a source in a set. Any number of goroutines may use it at once.
//
// What an event needs comes first: of 10,000 that take turns, each is fetched from memory.
type Registration struct {
	raw  syscall.RawConn
	fd   int
	mode Mode

	// What follows is guarded by the set's mu.

	want  Events
	armed bool // a OneShot is not, from its event to the next Modify
	live  bool
	place int // where the backend keeps it

	// These do not change.

	set    *Set
	source syscall.Conn
}

func newRegistration(s *Set, source syscall.Conn, want Events, mode Mode) (*Registration, error) {
	raw, err := source.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &Registration{set: s, source: source, raw: raw, want: want, mode: mode, armed: true}, nil
}

// Source is what was given to Add.
func (r *Registration) Source() syscall.Conn { return r.source }

// Modify waits for other events from now on, and arms a OneShot again. It tells of what
// is ready already, also with Edge.
//
// Errors: os.ErrClosed where the registration has ended, or its source or set is
// closed; EINVAL for events that cannot be asked for, and for Exclusive; ErrNotSupported;
// ENOENT where another file was put under its number (dup2(2)) behind its back.
func (r *Registration) Modify(want Events) error {
	err := r.set.usable(want, r.mode)
	if err == nil && r.mode&Exclusive != 0 {
		err = unix.EINVAL
	}
	if err == nil {
		err = r.modify(want)
	}
	return failed(r.set.backend.register(), err)
}

func (r *Registration) modify(want Events) error {
	s := r.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !r.live {
		return os.ErrClosed
	}
	return r.rearm(want)
}

// rearm makes the backend look anew. The set's mu is held.
func (r *Registration) rearm(want Events) error {
	wanted, armed := r.want, r.armed
	r.want, r.armed = want, true
	err := r.held(func() error { return r.set.backend.modify(r) })
	if err != nil {
		r.want, r.armed = wanted, armed
	}
	return registering(err)
}

// Remove ends the registration. No Wait that begins later tells of it; one that another
// goroutine has returned from may have. The source stays open. Removing twice does
// nothing.
func (r *Registration) Remove() {
	s := r.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.live && !s.closed {
		s.drop(r)
	}
}

// lent calls f once, with the number of the source, which stays open meanwhile. If it
// does not come to that, the source is closed: the runtime's own error does not say so.
func (r *Registration) lent(f func(fd uintptr) error) error {
	called, err := false, os.ErrClosed
	_ = r.raw.Control(func(fd uintptr) {
		if !called {
			called, err = true, f(fd)
		}
	})
	return err
}

// held calls f if the source is still what was registered, and keeps it so
// meanwhile: who has closed it has given its number away.
func (r *Registration) held(f func() error) error {
	return r.lent(func(fd uintptr) error {
		if int(fd) != r.fd {
			return os.ErrClosed
		}
		return f()
	})
}

// open is held for nothing, without an allocation.
func (r *Registration) open() bool {
	s := r.set
	s.lentFD = -1
	return r.raw.Control(s.note) == nil && s.lentFD == r.fd
}

// event is what Wait tells of the registration, if anything. The set's mu is held.
func (r *Registration) event(ready Events) (Event, bool) {
	switch {
	case !r.live || !r.armed:
		return Event{}, false
	case ready&Closed != 0 || !r.open():
		r.set.drop(r)
		return Event{r, Closed}, true
	case r.mode&OneShot != 0:
		r.armed = false
		r.set.backend.disarmed(r)
	}
	return Event{r, ready}, true
}
