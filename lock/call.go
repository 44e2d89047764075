package lock

import (
	"context"
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// An open is an open file, ready to be locked.
type open struct {
	kind Kind
	name string
	file *os.File // the caller's; or, nil:
	fd   int      // a lock file's, which nobody else can close
	// local: a call on file that does not wait cannot be kept waiting, and may be
	// made in the cheapest way. Others cost as much again as the kernel's part.
	local bool
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

// A call is one lock in the kernel's hands.
type call struct {
	*open
	mode Mode
	span Range
}

// acquire takes the lock, and waits for it until ctx ends.
func (c *call) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := c.try()
	if !errors.Is(err, ErrBusy) {
		return err
	}
	return sys.Block(ctx, func() error { return c.once(wait) }, c.undo)
}

// undo is for a lock that came when nobody waited for it any more. A lock file
// has been closed by then, and the lock ended with the call.
func (c *call) undo() {
	if c.file != nil {
		_ = c.do(drop)
	}
}

func (c *call) try() error {
	if err := check(c.kind, c.mode, c.span); err != nil {
		return err
	}
	return c.do(try)
}

// do asks until no signal comes between.
func (c *call) do(action action) error {
	err := c.once(action)
	for err == unix.EINTR { //nolint:errorlint // a bare errno, on the hot path
		err = c.once(action)
	}
	return err
}

func (c *call) once(action action) error {
	switch {
	case c.file == nil:
		return c.perform(c.fd, action)
	case !c.local || action == wait:
		return sys.Control(c.file, func(fd int) error { return c.perform(fd, action) })
	}
	fd := c.file.Fd() // of a regular file, for which this changes nothing
	if int(fd) < 0 {
		return os.ErrClosed
	}
	err := c.perform(int(fd), action)
	runtime.KeepAlive(c.file)
	return err
}

func (c *call) perform(fd int, action action) error {
	if c.kind == Flock {
		return c.flock(fd, action)
	}
	return c.fcntl(fd, action)
}
