package rendezvous

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// LockDirectory takes the lock under which the names in the directory of path
// are made and taken over. Its holders keep it for some microseconds, so a waiter asks
// again after a millisecond rather than holding a thread in flock(2).
func LockDirectory(ctx context.Context, path string) (unlock func(), err error) {
	if err := makeDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	directory, err := os.Open(filepath.Dir(path))
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
		return nil, &os.PathError{Op: "lock", Path: directory.Name(), Err: err}
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
