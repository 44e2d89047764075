package rendezvous

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"kith/lock"
)

// LockDirectory takes the lock under which the names in the directory of path
// are made and taken over. Its holders keep it for some microseconds.
func LockDirectory(ctx context.Context, path string) (unlock func(), err error) {
	if err := makeDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if _, err := lock.On(directory, lock.Flock).Lock(ctx, lock.Exclusive, lock.Whole); err != nil {
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
