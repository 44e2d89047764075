package fifo

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// An End is what Splice moves bytes from or to: an *os.File, a *net.TCPConn, a
// *net.UnixConn.
type End interface {
	syscall.Conn
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// A transfer is a system call that moves bytes from one descriptor to another, and
// says EAGAIN where either is not ready.
type transfer struct {
	call     string
	from, to End // from is nil where memory is moved
	move     func(from, to int) (int, error)
}

// run moves some, as soon as both are ready.
func (t *transfer) run(ctx context.Context) (int, error) {
	for {
		if ctx.Err() != nil {
			return 0, os.NewSyscallError(t.call, context.Cause(ctx))
		}
		moved, err := t.once()
		if err == nil && moved == 0 {
			return 0, io.EOF
		}
		if errors.Is(err, unix.EAGAIN) {
			if err = t.wait(ctx); err == nil {
				continue
			}
		}
		return moved, os.NewSyscallError(t.call, err)
	}
}

func (t *transfer) once() (moved int, err error) {
	into := func(from int) error {
		return sys.Control(t.to, func(to int) error {
			return sys.Again(func() error { moved, err = t.move(from, to); return err })
		})
	}
	if t.from == nil {
		err = into(-1)
	} else {
		err = sys.Control(t.from, into)
	}
	return max(moved, 0), err
}

// wait waits for each side that is not ready. Both may be by now.
func (t *transfer) wait(ctx context.Context) error {
	if t.from != nil {
		raw, err := t.from.SyscallConn()
		if err == nil {
			err = await(ctx, unix.POLLIN, t.from, raw.Read, t.from.SetReadDeadline)
		}
		if err != nil {
			return err
		}
	}
	raw, err := t.to.SyscallConn()
	if err != nil {
		return err
	}
	return await(ctx, unix.POLLOUT, t.to, raw.Write, t.to.SetWriteDeadline)
}

// await waits for one side. The kernel is asked before, as Go's poller hears of
// changes alone, and has no regular files, which are always ready.
func await(ctx context.Context, event int16, end End, until func(func(uintptr) bool) error, setDeadline func(time.Time) error) (err error) {
	is := false
	look := func(fd int) error { is, err = ready(fd, event); return err }
	if err := sys.Control(end, look); is || err != nil {
		return err
	}
	if err := setDeadline(time.Time{}); errors.Is(err, os.ErrNoDeadline) {
		return os.ErrNoDeadline
	}
	d := sys.NewDirection(until, setDeadline)
	defer d.Disarm()
	if err := d.Wait(ctx, func(fd uintptr) bool { return look(int(fd)) != nil || is }); err != nil {
		return err
	}
	return err
}

func ready(fd int, event int16) (bool, error) {
	events, err := sys.Ready(fd, event)
	return events != 0, err
}
