package poll

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// longest is as long as the kernel is told to wait at once. All can be said in the
// 32 bits that some machines have for it.
const longest = 24 * time.Hour

// left is how long ctx lets us wait, at most longest; negative: for ever.
func left(ctx context.Context) (time.Duration, error) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return -1, nil
	}
	if left := time.Until(deadline); left > 0 {
		return min(left, longest), nil
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return 0, context.DeadlineExceeded // Go's timer comes a moment later
}

// atDeadline has one error for the deadline, whoever is the first to tell of it: the
// kernel's timers do not know the cause, which Go's tell a moment later.
func atDeadline(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == context.DeadlineExceeded && errors.Is(err, context.Cause(ctx)) {
		return context.DeadlineExceeded
	}
	return err
}

// inThread makes a call that waits in the kernel, with the timeout that ctx has left.
// It returns how many it found, none at the deadline.
func inThread(ctx context.Context, call func(*unix.Timespec) (int, error)) (n int, err error) {
	err = sys.Block(ctx, func() error {
		timeout, err := timeout(ctx)
		if err == nil {
			n, err = call(timeout)
		}
		return err
	}, nil)
	return n, err
}

func timeout(ctx context.Context) (*unix.Timespec, error) {
	left, err := left(ctx)
	if err != nil || left < 0 {
		return nil, err
	}
	t := unix.NsecToTimespec(int64(left))
	return &t, nil
}
