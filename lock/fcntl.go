package lock

import (
	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// fcntl makes the call by fcntl(2).
func (c *call) fcntl(fd int, action action) error {
	record, command := c.record(action), pick(c.kind, unix.F_OFD_SETLK, unix.F_SETLK)
	switch {
	case action == wait:
		command = pick(c.kind, unix.F_OFD_SETLKW, unix.F_SETLKW)
	case c.local:
		return sys.FcntlLockNow(fd, command, &record)
	}
	return unix.FcntlFlock(uintptr(fd), command, &record)
}

// record is the kernel's struct flock. For OFD its PID must be 0.
func (c *call) record(action action) unix.Flock_t {
	kind := int16(unix.F_WRLCK)
	switch {
	case action == drop:
		kind = unix.F_UNLCK
	case c.mode == Shared:
		kind = unix.F_RDLCK
	}
	return unix.Flock_t{Type: kind, Whence: unix.SEEK_SET, Start: c.span.Start, Len: c.span.Length}
}

func pick(kind Kind, ofd, posix int) int {
	if kind == OFD {
		return ofd
	}
	return posix
}
