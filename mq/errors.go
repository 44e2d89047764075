package mq

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrEmpty is that no message is there to be taken. It matches EAGAIN, and
// ENOMSG, which is what msgrcv(2) says.
var ErrEmpty = sys.Sentinel("no message is there", unix.EAGAIN, unix.ENOMSG)

// ErrFull is that the queue has no room for the message now. It matches EAGAIN.
var ErrFull = sys.Sentinel("the queue is full", unix.EAGAIN)

// tooShort is a buffer that the message does not fit, or might not.
func tooShort(errno error) error { return fmt.Errorf("%w: %w", io.ErrShortBuffer, errno) }

var errNoCopy = errors.New("the kernel is built without CONFIG_CHECKPOINT_RESTORE")
