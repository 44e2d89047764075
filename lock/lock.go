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
// Who waits for a lock waits in a thread, until it comes or the context ends: see
// package ipc, also for how many can.
//
// # Networks
//
// On NFS all kinds are record locks at the server, flock too (there, an exclusive
// one needs the file open for writing). The server forgets them if the client is
// cut off for too long: then reads and writes fail with EIO. A FUSE server may
// keep locks to this machine, or have none (ENOSYS, ENOLCK). If the server is
// silent, a cancelled wait returns within a second, and the lock is given up when
// the server answers with it, with all that the open file has of these bytes by
// then. Opening a file, the first try, and giving a lock up are like any other use
// of the file: there, nothing can be done about a server's silence.
package lock

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Lock is a lock that is held, until Unlock, Remove, or the end of the process.
// One goroutine at a time may use it; another one gets ErrInUse.
type Lock struct{ call }

const (
	held int32 = iota
	inUse
	released
)

// File is the locked file. That of a lock file is closed when the lock ends, and
// open for reading alone, but for writing too if its kind is OFD and its mode allows
// it, or it lies on NFS. It may be passed to a child, which then holds the lock
// too, however this process ends. (POSIX locks are not inherited.) After the end
// of a Lock whose File nobody asked for before, it is nil, and so it is for a lock
// file while another goroutine converts the lock or gives it up.
//
// A Lock that is forgotten is held until its file is closed. The garbage collector
// closes an os.File that nobody uses any more; a lock file whose File nobody asked
// for stays open until the process ends.
func (l *Lock) File() *os.File {
	switch {
	case !l.own:
	case l.state.CompareAndSwap(held, inUse): // or it could be closed under us, and then be another's
		if l.file == nil {
			l.file = os.NewFile(uintptr(l.fd), l.name)
		}
		defer l.state.Store(held)
	case l.state.Load() == inUse:
		return nil
	}
	return l.file
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
// that is gone, and makes a new one. The lock must be Exclusive, and on the Whole
// file, or others might hold it still (EINVAL). Where the path leads to another file
// by now, or to none, that stays, and Remove fails with ErrReplaced; the lock is given up all the same.
func (l *Lock) Remove() error {
	if err := l.begin(inUse); err != nil {
		return err
	}
	if !l.own || l.mode != Exclusive || l.span != Whole {
		l.state.Store(held)
		return l.failed(unix.EINVAL)
	}
	err := l.use(l.current)
	if err == nil {
		err = os.Remove(l.name)
	} else {
		err = l.failed(err)
	}
	l.state.Store(released)
	return errors.Join(err, l.end())
}

// Convert makes a shared lock exclusive or an exclusive one shared, and waits
// for it until ctx ends.
//
// OFD and POSIX convert at once or not at all: after an error the lock is as it
// was. Flock first gives up what it has, so another process may come between.
// If it fails then, nothing is held: the error matches ErrLost too, and the Lock has
// ended. An error that does not match it leaves the lock as it was. So it is if a lock file was removed meanwhile, and, for every kind, if the
// server of the file is silent when ctx ends.
//
// Two who hold shared locks and both convert wait for each other: POSIX says so
// to one of them (EDEADLK), OFD and Flock wait until ctx ends.
func (l *Lock) Convert(ctx context.Context, mode Mode) error {
	if ctx.Err() != nil {
		return l.failed(context.Cause(ctx)) // before anything is lost
	}
	return l.convert(ctx, mode)
}

// TryConvert is Convert without waiting: the error matches ErrBusy where others
// are in the way.
func (l *Lock) TryConvert(mode Mode) error { return l.convert(instantly, mode) }

func (l *Lock) convert(ctx context.Context, mode Mode) error {
	if err := check(l.kind, mode, l.span); err != nil {
		return l.failed(err)
	}
	if err := l.begin(inUse); err != nil {
		return err
	}
	converted := call{open: l.open, mode: mode, span: l.span}
	err := converted.acquire(ctx)
	if err == nil && l.own && l.kind == Flock {
		err = l.use(l.current) // who came between may have removed it
	}
	switch {
	case err == nil:
		l.mode = mode
	case l.kind == Flock || errors.Is(err, sys.ErrLeft):
		return l.lost(err)
	}
	l.state.Store(held)
	if err != nil {
		return l.failed(err)
	}
	return nil
}

// lost ends the Lock, as far as there is still something. A server that is silent
// is asked nothing more: undo gives up what it may still grant.
func (l *Lock) lost(err error) error {
	if !errors.Is(err, sys.ErrLeft) {
		_ = l.do(drop)
	}
	if l.own {
		_ = l.close()
	}
	l.state.Store(released)
	return l.failed(errors.Join(ErrLost, err))
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
	if l.own {
		err = errors.Join(err, l.close())
	}
	if err != nil {
		return l.failed(err)
	}
	return nil
}

func (l *Lock) close() error {
	if l.file != nil {
		return l.file.Close()
	}
	return unix.Close(l.fd)
}
