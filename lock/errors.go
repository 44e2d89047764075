package lock

import (
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrBusy is a Try that found others in the way. It matches EAGAIN.
var ErrBusy = sys.Sentinel("locked by another", unix.EAGAIN)

// ErrLost is a conversion that failed, after the lock which was to be converted
// had been given up, as flock(2) does; see Lock.Convert.
var ErrLost = errors.New("the lock that was to be converted is lost")

// ErrReplaced is a lock file that has lost its path to another file, or to none,
// while it was locked: whoever comes now locks another.
var ErrReplaced = errors.New("the lock file was replaced")

// ErrInUse is a Lock that another goroutine is converting or giving up.
var ErrInUse = errors.New("another goroutine is using this lock")
