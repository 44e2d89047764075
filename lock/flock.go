package lock

import (
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// flock makes the call by flock(2).
func (c *call) flock(fd int, action action) error {
	if action == drop {
		return c.flockNow(fd, unix.LOCK_UN)
	}
	how := unix.LOCK_EX
	if c.mode == Shared {
		how = unix.LOCK_SH
	}
	if action == wait {
		return unix.Flock(fd, how)
	}
	err := c.flockNow(fd, how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrBusy
	}
	return err
}

func (c *call) flockNow(fd, how int) error {
	if c.local {
		return sys.FlockNow(fd, how)
	}
	return unix.Flock(fd, how)
}
