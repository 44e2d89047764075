package rendezvous

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"kith/lock"
)

// LockDirectory takes the lock under which the names in the directory of path
// are made and taken over. Its holders keep it for some microseconds, so a waiter
// tries again after a millisecond: to wait in the kernel takes a thread.
func LockDirectory(ctx context.Context, path string) (unlock func(), err error) {
	if err := makeDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	target := lock.On(directory, lock.Flock)
	for {
		_, busy := target.Try(lock.Exclusive, lock.Whole)
		if !errors.Is(busy, lock.ErrBusy) {
			err = busy
			break
		}
		if pause(ctx) != nil {
			err = &os.PathError{Op: "flock", Path: directory.Name(), Err: context.Cause(ctx)}
			break
		}
	}
	if err != nil {
		_ = directory.Close()
		return nil, err
	}
	return func() { _ = directory.Close() }, nil // which gives the lock up
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
