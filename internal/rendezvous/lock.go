package rendezvous

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// lockDirectory takes the lock under which the names of a directory are made
// and taken over. Its holders keep it for some microseconds, so a waiter asks
// again after a millisecond rather than holding a thread in flock(2).
func lockDirectory(ctx context.Context, path string) (unlock func(), err error) {
	directory, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for {
		err = sys.Again(func() error { return unix.Flock(int(directory.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
		if !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		if err = pause(ctx); err != nil {
			break
		}
	}
	if err != nil {
		_ = directory.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return func() { _ = directory.Close() }, nil
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
