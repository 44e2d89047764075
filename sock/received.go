package sock

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// received makes a file of a descriptor that somebody else chose. Go's poller takes
// those that are non-blocking, and asks each whether it is ready, with its lock held: a
// server of a FUSE file system that is silent would stop all of this process that waits
// there, timers too. What may ask one is kept out: its reads block.
func received(fd int) (*os.File, error) {
	if !asksServer(fd) {
		return os.NewFile(uintptr(fd), "received"), nil
	}
	return unparked(fd)
}

// asksServer reports whether poll(2) of the file may wait for others: if it is a regular
// one that can be polled at all, or an epoll, which polls what is in it.
func asksServer(fd int) bool {
	if errors.Is(unix.EpollCtl(fd, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{}), unix.EPERM) {
		return false // it cannot be polled
	}
	var stat unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &stat)
	switch kind := stat.Mode & unix.S_IFMT; {
	case err != nil || kind == unix.S_IFREG:
		return true
	case kind == 0: // an eventfd, a pidfd, an epoll and the like are of no kind
		return isEpoll(fd)
	}
	return false
}

// isEpoll reads what /proc calls it: an epoll itself may keep its lock while it
// asks. Without /proc, what is of no kind may be one.
func isEpoll(fd int) bool {
	called, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	return err != nil || called == "anon_inode:[eventpoll]"
}

// unparked moves the descriptor to the number of a file that Go's poller does not have.
// Making it blocking would not do: its sender can undo that at any moment.
func unparked(fd int) (*os.File, error) {
	defer unix.Close(fd)
	place, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFiles, sys.OpenLimit(err))
	}
	file := os.NewFile(uintptr(place), "received")
	if err := unix.Dup3(fd, place, unix.O_CLOEXEC); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}
