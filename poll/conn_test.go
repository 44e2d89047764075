package poll_test

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/poll"
)

// A conn is a source of another's making.
type conn struct {
	fails error
	*raw
}

type raw struct {
	sync.Mutex
	fd      uintptr
	refuses error
	twice   bool // and fails
}

func (c conn) SyscallConn() (syscall.RawConn, error) { return c.raw, c.fails }

func (r *raw) Control(f func(fd uintptr)) error {
	r.Lock()
	defer r.Unlock()
	if r.refuses == nil {
		f(r.fd)
	}
	if r.twice {
		f(r.fd)
		return errCause
	}
	return r.refuses
}

func (*raw) Read(func(fd uintptr) bool) error  { return unix.ENOSYS }
func (*raw) Write(func(fd uintptr) bool) error { return unix.ENOSYS }

// A source that does not lend what it should is refused, or taken for closed.
func TestConnIsHostile(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		if _, err := set.Add(conn{fails: errCause, raw: &raw{}}, poll.Readable, poll.Level); !errors.Is(err, errCause) {
			t.Error(err)
		}
		var none *os.File
		if _, err := set.Add(none, poll.Readable, poll.Level); !errors.Is(err, os.ErrInvalid) {
			t.Error(err)
		}
		r, w := pipe(t)
		other, otherWriter := pipe(t)
		for fd, want := range map[uintptr]error{^uintptr(0): unix.EBADF, 1 << 31: unix.EBADF, 1<<31 - 1: unix.EBADF} {
			_, err := set.Add(conn{raw: &raw{fd: fd}}, poll.Readable, poll.Level)
			if high := errors.Is(err, poll.ErrTooHigh); !errors.Is(err, want) && !high {
				t.Errorf("%d: %v", fd, err)
			}
		}
		mine := uintptr(number(t, r))
		beyond := 32
		if cut := mine | uintptr(1)<<beyond; cut != mine { // where there are so many bits
			if _, err := set.Add(conn{raw: &raw{fd: cut}}, poll.Readable, poll.Level); !errors.Is(err, unix.EBADF) {
				t.Error(err)
			}
		}
		c := conn{raw: &raw{fd: mine}}
		registration := add(t, set, c, poll.Readable, poll.Level)
		c.fd = uintptr(number(t, other)) // its number changes under us
		write(t, w, "x")
		write(t, otherWriter, "x")
		if err := registration.Modify(poll.Writable); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
		tells(t, set, poll.Event{Registration: registration, Ready: poll.Closed})
		if waiting := waits(t, set); set.Wake() == nil {
			waiting.returns(t)
		}
		c = conn{raw: &raw{fd: uintptr(number(t, other))}}
		registration = add(t, set, c, poll.Readable, poll.Level)
		c.refuses = errCause
		tells(t, set, poll.Event{Registration: registration, Ready: poll.Closed})
	})
}

// A source whose Control calls back twice, and fails for all that, is registered, or not.
func TestConnTwice(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		c := conn{raw: &raw{fd: uintptr(number(t, r)), twice: true}}
		registration := add(t, set, c, poll.Readable, poll.OneShot)
		if err := registration.Modify(poll.Readable); err != nil {
			t.Error(err)
		}
		write(t, w, "x")
		tells(t, set, poll.Event{Registration: registration, Ready: poll.Closed}) // it says so of itself
		if set.Len() != 0 {
			t.Error(set.Len())
		}
	})
}

// A source may have a lock, which others hold while they use its descriptor.
func TestConnLocks(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		write(t, w, "x")
		c := conn{raw: &raw{fd: uintptr(number(t, r))}}
		waiting := kithtest.Go(func() error {
			events := make([]poll.Event, 1)
			for range 20_000 {
				if _, err := set.TryWait(events); err != nil {
					return err
				}
			}
			return nil
		})
		for !ended(waiting) {
			registration := add(t, set, c, poll.Readable, poll.Level)
			if err := registration.Modify(poll.Readable); err != nil {
				t.Error(err)
			}
			registration.Remove()
		}
		if err := waiting.Wait(); err != nil {
			t.Error(err)
		}
	})
}
