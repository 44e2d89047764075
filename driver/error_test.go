package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func wrap(err error) error { return &OpError{Op: "send", Addr: "shm:/x", Err: err} }

func TestOpErrorIs(t *testing.T) {
	mine := errors.New("my cause")
	for _, test := range []struct {
		err, target error
		want        bool
	}{
		{io.EOF, io.EOF, true},
		{net.ErrClosed, net.ErrClosed, true},
		{mine, mine, true},
		{ErrPeerDied, ErrPeerDied, true},
		{ErrPeerDied, io.EOF, false},
		{fmt.Errorf("%w: %w", ErrNoListener, syscall.ECONNREFUSED), ErrNoListener, true},
		{fmt.Errorf("%w: %w", ErrNoListener, syscall.ECONNREFUSED), syscall.ECONNREFUSED, true},
		{os.NewSyscallError("connect", syscall.ENOENT), syscall.ENOENT, true},
		{os.NewSyscallError("connect", syscall.ENOENT), fs.ErrNotExist, true},
		{os.NewSyscallError("connect", syscall.EACCES), fs.ErrPermission, true},
		{os.NewSyscallError("connect", syscall.EPERM), fs.ErrPermission, true},
		{os.NewSyscallError("connect", syscall.ENOENT), fs.ErrPermission, false},
		{fmt.Errorf("uid 5: %w", syscall.EACCES), fs.ErrPermission, true},
		{context.DeadlineExceeded, context.DeadlineExceeded, true},
		{context.DeadlineExceeded, os.ErrDeadlineExceeded, true},
		{os.ErrDeadlineExceeded, os.ErrDeadlineExceeded, true},
		{os.ErrDeadlineExceeded, context.DeadlineExceeded, true},
		{context.Canceled, context.Canceled, true},
		{context.Canceled, context.DeadlineExceeded, false},
		{context.Canceled, os.ErrDeadlineExceeded, false},
		{TooLarge(5, 4), ErrTooLarge, true},
		{TooLarge(5, 4), syscall.EMSGSIZE, true},
		{TooLarge(5, 4), syscall.EPIPE, false},
		{Gone(), syscall.EPIPE, true},
		{fmt.Errorf("%w: %w", ErrBroken, context.DeadlineExceeded), ErrBroken, true},
		{fmt.Errorf("%w: %w", ErrBroken, context.DeadlineExceeded), os.ErrDeadlineExceeded, true},
	} {
		for _, err := range []error{wrap(test.err), fmt.Errorf("more: %w", wrap(test.err))} {
			if got := errors.Is(err, test.target); got != test.want {
				t.Errorf("%v is %v: %v", err, test.target, got)
			}
		}
	}
}

func TestOpErrorIsANetError(t *testing.T) {
	for err, timeout := range map[error]bool{
		context.DeadlineExceeded: true, os.ErrDeadlineExceeded: true, context.Canceled: false,
		io.EOF: false, ErrPeerDied: false, syscall.EPIPE: false,
	} {
		var netError net.Error
		if !errors.As(wrap(err), &netError) || netError.Timeout() != timeout {
			t.Errorf("%v: a timeout is wanted as %v", err, timeout)
		}
	}
	accept, sending := &OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}, &OpError{Op: "send", Err: syscall.EMFILE}
	if !accept.Temporary() || accept.Timeout() || sending.Temporary() {
		t.Error("only an Accept that found no descriptor free can be called again")
	}
	var op *OpError
	if !errors.As(fmt.Errorf("more: %w", wrap(io.EOF)), &op) || op.Op != "send" || op.Addr != "shm:/x" {
		t.Errorf("errors.As found %+v", op)
	}
}

// A cause of a context's own is what errors.Is finds, deadline or not.
func TestOpErrorWithACause(t *testing.T) {
	mine := errors.New("my cause")
	timed, cancel := context.WithDeadlineCause(t.Context(), time.Unix(1, 0), mine)
	defer cancel()
	canceled, stop := context.WithCancelCause(t.Context())
	stop(mine)
	for _, ctx := range []context.Context{timed, canceled} {
		<-ctx.Done()
		if err := wrap(context.Cause(ctx)); !errors.Is(err, mine) || !strings.HasSuffix(err.Error(), ": my cause") {
			t.Errorf("%v is not its cause", err)
		}
	}
}

func TestOpErrorSaysWhere(t *testing.T) {
	if got, want := wrap(io.EOF).Error(), "kith: send shm:/x: EOF"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := TooLarge(70, 64).Error(); !strings.Contains(got, "70 bytes, at most 64") {
		t.Errorf("the figures are missing in %q", got)
	}
}
