// Package ipc is what the kernel's objects have in common, whatever their kind:
// the keys and owners of System V, and the limits that a machine sets.
package ipc

import (
	"errors"
	"fmt"
	"math"
)

// A LimitError is a limit of the machine that was reached. It names the limit
// and where to raise it, and unwraps to the errno.
type LimitError struct {
	// Limit is its name in the man pages: "SEMOPM", "msg_max", "RLIMIT_MSGQUEUE".
	Limit string
	// Max is its value now, in the limit's own unit; math.MaxInt64 where there is
	// none, or it cannot be read.
	Max int64
	// Raise is where to raise it, as "/proc/sys/fs/mqueue/msg_max", or why not.
	Raise string
	// Err is what the kernel said.
	Err error
}

func (e *LimitError) Error() string {
	text := e.Err.Error() + ": over the limit " + e.Limit
	if e.Max > 0 && e.Max < math.MaxInt64 {
		text += fmt.Sprintf(" of %d", e.Max)
	}
	if e.Raise != "" {
		text += " (" + e.Raise + ")"
	}
	return text
}

// Unwrap makes errors.Is see the errno.
func (e *LimitError) Unwrap() error { return e.Err }

// ErrTooManyWaiting is a call that would have to wait in the kernel, where so
// many of this process wait already that more threads could end it. Nothing
// was done. It comes in a LimitError.
var ErrTooManyWaiting = errors.New("too many calls of this process wait in the kernel, each in a thread")
