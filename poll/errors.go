package poll

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrNotPollable is a source that cannot be waited for, as it is always ready: a
// regular file, a directory, /dev/null. It matches EPERM, as epoll_ctl(2) says it.
var ErrNotPollable = sys.Sentinel("the source cannot be waited for: it is always ready, just read or write it", unix.EPERM)

// ErrTooHigh is a descriptor whose number select cannot hold: it knows those below
// 1024. It comes in an *ipc.LimitError.
var ErrTooHigh = errors.New("the descriptor's number is too high for select: use poll or epoll")

// ErrRegistered is a source whose descriptor is in the set already. It matches EEXIST.
var ErrRegistered = sys.Sentinel("the descriptor is registered already", unix.EEXIST)

// ErrNotSupported is a mode or an event that the backend does not have. It matches
// errors.ErrUnsupported.
var ErrNotSupported = errors.ErrUnsupported

// registering says what stands behind the errnos of epoll_ctl(2).
func registering(err error) error {
	if errors.Is(err, unix.EPERM) {
		return ErrNotPollable
	}
	return sys.WatchLimit(err)
}

// failed is nil where err is.
func failed(call string, err error) error { return os.NewSyscallError(call, err) }
