package sock

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrFull is that there is no room for the message now. It matches EAGAIN.
var ErrFull = sys.Sentinel("there is no room for the message now", unix.EAGAIN)

// ErrEmpty is that no message is there to be received. It matches EAGAIN.
var ErrEmpty = sys.Sentinel("no message is there", unix.EAGAIN)

// ErrFiles is a message that came with another number of descriptors than was
// expected, or without some that there was no room for. All of them were closed.
var ErrFiles = errors.New("unexpected number of descriptors")

// A TruncatedError is a message that was longer than the buffer. What did not fit is
// lost, and its descriptors were closed. It matches EMSGSIZE and io.ErrShortBuffer.
type TruncatedError struct {
	Size int // of the message, bytes
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("the message of %d bytes is longer than the buffer", e.Size)
}

// Is reports whether target is EMSGSIZE or io.ErrShortBuffer.
func (e *TruncatedError) Is(target error) bool {
	return target == unix.EMSGSIZE || target == io.ErrShortBuffer
}

// A PartialError is a Send on a Stream that ended within its bytes: the
// descriptors have gone with the first of them, and the rest was not sent.
type PartialError struct {
	Sent int // bytes
	Err  error
}

func (e *PartialError) Error() string {
	return fmt.Sprintf("only %d bytes were sent: %v", e.Sent, e.Err)
}

// Unwrap is why.
func (e *PartialError) Unwrap() error { return e.Err }

// again reports whether the kernel would have had to wait. The cause of a context's
// end may match EAGAIN, too.
func again(err error) bool {
	return err == unix.EAGAIN //nolint:errorlint // the bare errno
}

// failed wraps an error, if it is one, with the name that the call was about.
func failed(op string, addr Addr, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: addr.String(), Err: err}
}
