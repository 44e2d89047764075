package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"kith/lock"
)

// lockWait is far longer than honest holders together need.
const lockWait = 5 * time.Second

var errHeld = fmt.Errorf("%w: another process holds the directory's lock (lslocks names it); use a directory that only this user can read", unix.EBUSY)

// LockDirectory takes the lock under which the names in the directory of path
// are made and taken over. Its holders keep it for some microseconds, so a waiter
// tries again after a millisecond: to wait in the kernel takes a thread. Whoever can read the
// directory can hold its lock for ever, so after five seconds the error is EBUSY.
func LockDirectory(ctx context.Context, path string) (unlock func(), err error) {
	if err := makeDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := lockFile(ctx, directory); err != nil {
		_ = directory.Close()
		return nil, err
	}
	return func() { _ = directory.Close() }, nil // which gives the lock up
}

func lockFile(ctx context.Context, file *os.File) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockWait, errHeld)
	defer cancel()
	for target := lock.On(file, lock.Flock); ; {
		_, err := target.Try(lock.Exclusive, lock.Whole)
		if !errors.Is(err, lock.ErrBusy) {
			return err
		}
		if err := pause(ctx); err != nil {
			return &os.PathError{Op: "flock", Path: file.Name(), Err: err}
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
