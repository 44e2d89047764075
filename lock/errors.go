package lock

import (
	"errors"

	"golang.org/x/sys/unix"
)

// ErrBusy is a Try that found others in the way. It matches EAGAIN.
var ErrBusy error = busyError{}

type busyError struct{}

func (busyError) Error() string        { return "locked by another" }
func (busyError) Is(target error) bool { return target == error(unix.EAGAIN) }

// ErrLost is a conversion by flock(2) that failed, after the lock which was to
// be converted had been given up.
var ErrLost = errors.New("the lock that was to be converted is lost")

// ErrInUse is a Lock that another goroutine is converting or giving up.
var ErrInUse = errors.New("another goroutine is using this lock")
