package sock

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// descriptorLimit finds the limit that stands in the way of a new descriptor.
func descriptorLimit(err error) error {
	switch {
	case errors.Is(err, unix.EMFILE):
		return openFiles(err, "ulimit -n")
	case errors.Is(err, unix.ENFILE):
		return setting("file-max", "/proc/sys/fs/file-max", err)
	}
	return err
}

func setting(limit, path string, err error) error {
	return &ipc.LimitError{Limit: limit, Max: sys.Setting(path, 0), Raise: path, Err: err}
}

func openFiles(err error, raise string) error {
	return &ipc.LimitError{Limit: "RLIMIT_NOFILE", Max: sys.Resource(unix.RLIMIT_NOFILE), Raise: raise, Err: err}
}

// sendError is why a message did not go, or not all of it.
func (s *Socket) sendError(t *transfer, err error) error {
	switch {
	case again(err):
		err = ErrFull
	case errors.Is(err, unix.EMSGSIZE):
		err = &ipc.LimitError{Limit: "SO_SNDBUF - 32", Max: s.largest(), Raise: "SetSendBuffer; no further than /proc/sys/net/core/wmem_max", Err: err}
	case errors.Is(err, unix.ETOOMANYREFS):
		err = openFiles(err, "ulimit -n; descriptors that all processes of this user have sent, and nobody has received yet")
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

// pollable makes sure that Go's poller has taken the file, or nothing could wait.
func pollable(file *os.File) error {
	if file.SetDeadline(time.Time{}) == nil {
		return nil
	}
	return setting("max_user_watches", "/proc/sys/fs/epoll/max_user_watches", unix.ENOSPC)
}
