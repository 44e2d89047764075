package lock

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// An open is an open file, ready to be locked.
type open struct {
	kind Kind
	name string
	file *os.File // the caller's; or, nil:
	fd   int      // a lock file's, which nobody else can close
	own  bool     // a lock file's; file is set once Lock.File was asked for
	// local: a call on file that does not wait cannot be kept waiting, and may be
	// made in the cheapest way. Others cost as much again as the kernel's part.
	local bool

	handles atomic.Pointer[handles] // of file
}

// use calls f with the descriptor, which stays open meanwhile.
func (o *open) use(f func(fd int) error) error {
	if o.file == nil {
		return f(o.fd)
	}
	return sys.Control(o.file, f)
}

func (o *open) failed(err error) error {
	operation := "flock"
	if o.kind != Flock {
		operation = "fcntl"
	}
	return &os.PathError{Op: operation, Path: o.name, Err: err}
}

// An action is what a call asks of the kernel.
type action int8

const (
	try action = iota
	wait
	drop
)

// A call is one lock in the kernel's hands. Its state is that of the Lock which
// it becomes, and is here to fill a gap: a Lock takes 32 bytes.
type call struct {
	*open
	span  Range
	mode  Mode
	state atomic.Int32
}

// instantly is the context of a call that does not wait.
var instantly context.Context

// acquire takes the lock, and waits for it until ctx ends.
func (c *call) acquire(ctx context.Context) error {
	err := c.do(try)
	if err != ErrBusy || ctx == instantly { //nolint:errorlint // perform's own, on the hot path
		return err
	}
	return sys.Block(ctx, func() error { return c.once(wait) }, c.leaving())
}

// leaving is what becomes of a lock that comes after ctx's end has been reported;
// nil where that waits for the kernel. A file system of this machine always lets
// go, however long that takes where thousands wait.
func (c *call) leaving() (undo func()) {
	local := false
	if c.use(func(fd int) error { local = sys.Local(fd); return nil }) == nil && local {
		return nil
	}
	return c.undo
}

// undo is for a lock that came when nobody waited for it any more. A lock file
// has been closed by then, and the lock ended with the call.
func (c *call) undo() {
	if !c.own {
		_ = c.do(drop)
	}
}

// do makes a call that does not wait. Where it cannot be kept waiting either, no
// signal comes between.
func (c *call) do(action action) error {
	if !c.local {
		return sys.Again(func() error { return c.once(action) })
	}
	fd := int(c.file.Fd()) // of a regular file, for which this changes nothing
	if fd < 0 {
		return os.ErrClosed
	}
	err := c.perform(fd, action)
	runtime.KeepAlive(c.file)
	return err
}

// once is use, and allocates nothing for a lock file.
func (c *call) once(action action) error {
	if c.file == nil {
		return c.perform(c.fd, action)
	}
	return sys.Control(c.file, func(fd int) error { return c.perform(fd, action) })
}

func (c *call) perform(fd int, action action) (err error) {
	switch {
	case c.kind != Flock:
		err = c.fcntl(fd, action)
	case c.local && action != wait:
		err = sys.FlockNow(fd, flockOperation(c.mode, action))
	default:
		err = unix.Flock(fd, flockOperation(c.mode, action))
	}
	if err != nil && action == try && (errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES)) {
		return ErrBusy
	}
	return err
}
