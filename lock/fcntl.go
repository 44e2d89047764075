package lock

import (
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// fcntl makes the call by fcntl(2).
func (c *call) fcntl(fd int, action action) error {
	if action == drop {
		return c.fcntlNow(fd, c.record(unix.F_UNLCK))
	}
	record := c.record(recordType(c.mode))
	if action == wait {
		return unix.FcntlFlock(uintptr(fd), pick(c.kind, unix.F_OFD_SETLKW, unix.F_SETLKW), record)
	}
	err := c.fcntlNow(fd, record)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return ErrBusy
	}
	return err
}

func (c *call) fcntlNow(fd int, record *unix.Flock_t) error {
	command := pick(c.kind, unix.F_OFD_SETLK, unix.F_SETLK)
	if c.local {
		return sys.FcntlLockNow(fd, command, record)
	}
	return unix.FcntlFlock(uintptr(fd), command, record)
}

// record is the kernel's struct flock. For OFD its PID must be 0.
func (c *call) record(kind int16) *unix.Flock_t {
	return &unix.Flock_t{Type: kind, Whence: unix.SEEK_SET, Start: c.span.Start, Len: c.span.Length}
}

func recordType(mode Mode) int16 {
	if mode == Shared {
		return unix.F_RDLCK
	}
	return unix.F_WRLCK
}

func pick(kind Kind, ofd, posix int) int {
	if kind == OFD {
		return ofd
	}
	return posix
}
