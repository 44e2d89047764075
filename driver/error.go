package driver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"kith/internal/sys"
)

// The sentinels below are matched with errors.Is; kith re-exports them.
var (
	// ErrPeerDied: the stream ended without a goodbye. The peer's process was
	// killed, crashed, or left without Close; what it had sent was delivered.
	ErrPeerDied = errors.New("the peer died (its stream ended without a goodbye)")
	// ErrAddress: the address cannot be right, whatever the machine's state.
	ErrAddress = errors.New("bad address")
	// ErrNoListener: nobody listens at the address. It wraps the errno.
	ErrNoListener = errors.New("nobody is listening")
	// ErrProtocol: the peer does not speak kith, or breaks its rules.
	ErrProtocol = errors.New("the peer breaks the protocol")
	// ErrVersion: the peer speaks kith, but no version or byte order of ours.
	ErrVersion = errors.New("the peer speaks another version")
	// ErrTooLarge: the message is over the limit of one of the two sides.
	// Nothing was sent. It matches EMSGSIZE.
	ErrTooLarge error = limitError{}
	// ErrBroken: an earlier Send was cut off in the middle of its message, so
	// nothing more can be sent on this Conn. Receive still works.
	ErrBroken = errors.New("a send was cut off in the middle of its message")
	// ErrSendClosed: CloseSend was called before.
	ErrSendClosed = errors.New("send after CloseSend")
	// ErrConcurrent: two goroutines send, or two receive, at once.
	ErrConcurrent = errors.New("another goroutine is in the same call (one sender and one receiver at a time), or what it lent was not given back")
)

type limitError struct{}

func (limitError) Error() string        { return "message over the limit" }
func (limitError) Is(target error) bool { return target == error(syscall.EMSGSIZE) }

// TooLarge is ErrTooLarge with the figures, and what to do about it.
func TooLarge(size, limit int) error {
	return fmt.Errorf("%w: %d bytes, at most %d here (raise it on both sides with the key limit=)", ErrTooLarge, size, limit)
}

// Gone is what a Send returns when the peer takes no more, whether it closed
// or died: Receive tells which. It matches EPIPE.
func Gone() error {
	return fmt.Errorf("the peer takes no more (Receive tells whether it closed or died): %w", syscall.EPIPE)
}

// An OpError is every error of kith's exchanges: what was being done, where,
// and what came in the way. It is a net.Error.
type OpError struct {
	Op   string // "dial", "listen", "accept", "send", "receive", …
	Addr string // the address, its name resolved to the full path
	Err  error
}

func (e *OpError) Error() string { return "kith: " + e.Op + " " + e.Addr + ": " + e.Err.Error() }

// Unwrap makes errors.Is and errors.As see the cause.
func (e *OpError) Unwrap() error { return e.Err }

// Timeout reports whether a deadline ended the call.
func (e *OpError) Timeout() bool {
	return errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, os.ErrDeadlineExceeded)
}

// Temporary is there for net.Error: net/http goes on accepting after such an error. It
// is a timeout, or an Accept for which this process had run out of something.
func (e *OpError) Temporary() bool { return e.Timeout() || e.Op == "accept" && sys.Exhausted(e.Err) }

// Is lets a deadline match both of its names, and an errno that means "may
// not" match fs.ErrPermission.
func (e *OpError) Is(target error) bool {
	switch target {
	case os.ErrDeadlineExceeded, context.DeadlineExceeded:
		return e.Timeout()
	case fs.ErrPermission:
		return errors.Is(e.Err, syscall.EPERM) || errors.Is(e.Err, syscall.EACCES)
	}
	return false
}
