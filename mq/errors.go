package mq

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sys/unix"
)

// ErrEmpty is that no message is there to be taken. It matches EAGAIN, and
// ENOMSG, which is what msgrcv(2) says.
var ErrEmpty error = &wouldWait{"no message is there", []unix.Errno{unix.EAGAIN, unix.ENOMSG}}

// ErrFull is that the queue has no room for the message now. It matches EAGAIN.
var ErrFull error = &wouldWait{"the queue is full", []unix.Errno{unix.EAGAIN}}

type wouldWait struct {
	text   string
	errnos []unix.Errno
}

func (e *wouldWait) Error() string { return e.text }

// Is makes errors.Is see the errnos.
func (e *wouldWait) Is(target error) bool {
	errno, is := target.(unix.Errno)
	return is && slices.Contains(e.errnos, errno)
}

// tooShort is a buffer that the message does not fit, or might not.
func tooShort(errno error) error { return fmt.Errorf("%w: %w", io.ErrShortBuffer, errno) }

var errNoCopy = errors.New("the kernel is built without CONFIG_CHECKPOINT_RESTORE")
