package sock

import (
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// sendError is why a message did not go, or not all of it.
func (s *Socket) sendError(t *transfer, err error) error {
	switch {
	case again(err):
		err = ErrFull
	case errors.Is(err, unix.EMSGSIZE):
		err = &ipc.LimitError{Limit: "SO_SNDBUF - 32", Max: s.largest(), Raise: "SetSendBuffer; no further than /proc/sys/net/core/wmem_max", Err: err}
	case errors.Is(err, unix.ETOOMANYREFS):
		const raise = "ulimit -n; descriptors that all processes of this user have sent, and nobody has received yet"
		err = &ipc.LimitError{Limit: "RLIMIT_NOFILE", Max: sys.Resource(unix.RLIMIT_NOFILE), Raise: raise, Err: err}
	}
	if t.n > 0 {
		return &PartialError{Sent: t.n, Err: err}
	}
	return err
}

// largest is how long a message may be.
func (s *Socket) largest() (size int64) {
	_ = sys.Control(s, func(fd int) error {
		buffer, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
		size = int64(buffer) - 32
		return err
	})
	return size
}
