// Package lock is the kernel's locks on files, all of them advisory: flock(2),
// and the record locks of fcntl(2) on ranges of bytes, in their old form (POSIX)
// and in their better one (OFD, open file description locks).
//
// [On] locks a file that the caller has open, [At] a lock file by its path. Both
// give a [Target], and locking it a [Lock], which is a handle: whoever has it may
// give it up or convert it. The kernel gives up all locks of a process that dies.
//
// # Which kind
//
//	          belongs to        ranges  read-only file    between       conflicts   lost by
//	                                                      goroutines    with
//	OFD       the open file     yes     shared locks      yes, each     OFD, POSIX  the last close of the open file
//	                                    only              opens it
//	POSIX     the process       yes     shared locks      no            OFD, POSIX  any close of that file in the process
//	                                    only
//	Flock     the open file     no      both              yes, each     Flock       the last close of the open file
//	                                                      opens it
//
// OFD is the one to choose, unless the others on the same file use flock, as
// flock(1) does. It also excludes C programs that use lockf(3) or fcntl(2). POSIX
// is for those who need the holder's PID or EDEADLK: an os.ReadFile of the locked
// file by anybody in the process gives the lock up. Locks on one open file, or
// for POSIX in one process, never exclude each other, but join and split.
//
// # Waiting
//
// The kernel lets whoever waits for a lock wait in a thread. Cancelling interrupts
// it by the real-time signal 60, which has a handler of its own from the first
// cancellation on; no signal.Notify hears of it, and whoever uses that signal for
// something else in the process is in the way. At most 2,000 calls of a process
// wait, or half as many as its limits allow it threads; one more gets an
// [ipc.LimitError] that matches [ipc.ErrTooManyWaiting].
//
// # Networks
//
// On NFS all kinds are record locks at the server, flock too (there, an exclusive
// one needs the file open for writing). The server forgets them if the client is
// cut off for too long: then reads and writes fail with EIO. A FUSE server may
// keep locks to this machine, or have none (ENOSYS, ENOLCK). If the server is
// silent, a cancelled call returns within a second, and the lock is given up when
// the server answers with it.
package lock

import (
	"cmp"
	"context"
	"errors"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A Lock is a lock that is held, until Unlock, Remove, or the end of the process.
// One goroutine at a time may use it; another one gets ErrInUse.
type Lock struct {
	call
	state  atomic.Int32
	opened *os.File // of a lock file, once File has been asked for
}

const (
	held int32 = iota
	converting
	released
)

// File is the locked file. That of a lock file is closed when the lock ends, and
// may be written (as with a PID) or passed to a child, which then holds the lock
// too, however this process ends. (POSIX locks are not inherited.)
//
// A Lock of a lock file that is forgotten is held until the process ends.
func (l *Lock) File() *os.File {
	if l.file == nil && l.opened == nil {
		l.opened = os.NewFile(uintptr(l.fd), l.name)
	}
	return cmp.Or(l.file, l.opened)
}

// Mode is whether the lock is Shared or Exclusive now.
func (l *Lock) Mode() Mode { return l.mode }

// Unlock gives the lock up. A second Unlock is an error that matches
// os.ErrClosed. A lock file stays; see Remove.
//
// On an open file description that is shared with another process (after a
// fork, or passed over a socket), it ends the lock for all.
func (l *Lock) Unlock() error {
	if err := l.begin(released); err != nil {
		return err
	}
	return l.end()
}

// Remove removes the lock file and gives the lock up, in this order: whoever
// waits for it, here or in another process, then finds that it waited for a file
// that is gone, and makes a new one. The lock must be Exclusive, or others might
// hold it still.
func (l *Lock) Remove() error {
	if l.file != nil || l.mode != Exclusive {
		return l.failed(unix.EINVAL)
	}
	if err := l.begin(released); err != nil {
		return err
	}
	removed := current(l.fd, l.name)
	if removed == nil {
		removed = os.Remove(l.name)
	}
	return errors.Join(removed, l.end())
}

// Convert makes a shared lock exclusive or an exclusive one shared, and waits
// for it until ctx ends.
//
// OFD and POSIX convert at once or not at all: after an error the lock is as it
// was. Flock first gives up what it has, so another process may come between.
// After an error nothing is held: it matches ErrLost too, and the Lock has ended.
//
// Two who hold shared locks and both convert wait for each other: POSIX says so
// to one of them (EDEADLK), OFD and Flock wait until ctx ends.
func (l *Lock) Convert(ctx context.Context, mode Mode) error {
	if ctx.Err() != nil {
		return l.failed(context.Cause(ctx)) // before anything is lost
	}
	return l.convert(mode, func(c *call) error { return c.acquire(ctx) })
}

// TryConvert is Convert without waiting: the error matches ErrBusy where others
// are in the way.
func (l *Lock) TryConvert(mode Mode) error { return l.convert(mode, (*call).try) }

func (l *Lock) convert(mode Mode, take func(*call) error) error {
	if err := check(l.kind, mode, l.span); err != nil {
		return l.failed(err)
	}
	if err := l.begin(converting); err != nil {
		return err
	}
	converted := call{open: l.open, mode: mode, span: l.span}
	err := take(&converted)
	switch {
	case err == nil:
		l.mode = mode
	case l.kind == Flock:
		_ = l.end() // as far as there is still something
		l.state.Store(released)
		return l.failed(errors.Join(ErrLost, err))
	}
	l.state.Store(held)
	if err != nil {
		return l.failed(err)
	}
	return nil
}

// begin keeps every other call out.
func (l *Lock) begin(next int32) error {
	if l.state.CompareAndSwap(held, next) {
		return nil
	}
	if l.state.Load() == released {
		return l.failed(os.ErrClosed)
	}
	return l.failed(ErrInUse)
}

// end gives the lock up, and closes a lock file.
func (l *Lock) end() error {
	err := l.do(drop)
	if l.file == nil {
		err = errors.Join(err, l.close())
	}
	if err != nil {
		return l.failed(err)
	}
	return nil
}

func (l *Lock) close() error {
	if l.opened != nil {
		return l.opened.Close()
	}
	return unix.Close(l.fd)
}
