package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// soon is the deadline whose lateness is measured. The twin's is the same.
const soon = 300 * time.Microsecond

// late waits for what does not come, by a deadline.
func (g *waitingGround) late(ctx context.Context, count int) (time.Duration, error) {
	var late time.Duration
	for range count {
		deadline := time.Now().Add(soon)
		if g.set == nil {
			time.Sleep(time.Until(deadline))
		} else if err := g.waitUntil(ctx, deadline); err != nil {
			return 0, err
		}
		late += time.Since(deadline)
	}
	return late, nil
}

func (g *waitingGround) waitUntil(ctx context.Context, deadline time.Time) error {
	until, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	n, err := g.set.Wait(until, g.events[:])
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return nil
	}
	return fmt.Errorf("%d events where none was to come: %w", n, err)
}

// blocked wakes another thread, and waits for it to write. The first time it is
// started, which does not count.
func (g *waitingGround) blocked(ctx context.Context, count int) (elapsed time.Duration, err error) {
	ask, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return 0, os.NewSyscallError("eventfd", err)
	}
	answered := make(chan error, 1)
	go func() { answered <- replyAt(ask, g.fds[0]) }()
	var began time.Time
	for i := 0; i <= count && err == nil; i++ {
		err = g.toAndFro(ctx, ask)
		if i == 0 {
			began = time.Now()
		}
	}
	elapsed = time.Since(began)
	return elapsed, errors.Join(err, write(ask, enough), <-answered, unix.Close(ask))
}

func (g *waitingGround) toAndFro(ctx context.Context, ask int) error {
	if err := write(ask, 1); err != nil {
		return err
	}
	if err := g.wait(ctx, 0); err != nil {
		return err
	}
	_, err := read(g.fds[0])
	return err
}

// enough ends the other thread.
const enough = 2

// replyAt is the other thread: it waits in the kernel.
func replyAt(asked, source int) error {
	for {
		value, err := read(asked)
		if err != nil || value >= enough {
			return err
		}
		if err := write(source, 1); err != nil {
			return err
		}
	}
}
