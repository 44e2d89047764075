// Package ipc is what the kernel's objects have in common, whatever their kind:
// the keys and owners of System V, the limits that a machine sets, and how kith
// waits for them.
//
// # Waiting
//
// A call of packages lock, sem and mq that may wait takes a context, and first
// tries without waiting, in the caller's goroutine: so newcomers may overtake those
// who wait. POSIX message queues then wait in Go's poller. The kernel has nothing of
// that kind for file locks, semaphores and System V queues: each such call waits in
// a thread of its own, in the namespaces of the process.
//
// When its context ends, the thread is interrupted by the real-time signal 60. From
// the first cancellation on, that signal has a handler which does nothing. No
// signal.Notify hears of it, and neither signal.Ignore nor a mask or a disposition
// that the process was started with is in its way; but whoever uses that signal for
// something else in this process is. The thread ends with the call. What was won in the
// same moment counts: then the call succeeds all the same.
//
// At most 2,000 calls of a process wait so, or half as many as RLIMIT_NPROC, and
// pids.max of its control groups, allow it threads; those of neighbours in the group
// count too. One more gets a [LimitError] that matches [ErrTooManyWaiting]. Processes of
// one user that wait by the hundred under a low RLIMIT_NPROC can still use it up between
// them, and Go ends a process that gets no thread.
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
