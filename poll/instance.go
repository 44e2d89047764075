package poll

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// An instance is an epoll's descriptor. It is readable when a source is ready, and so
// can be waited for in Go's poller, which is an epoll itself.
type instance struct {
	fd int

	// For Go's poller, if it is in there.
	file   *os.File
	raw    syscall.RawConn
	bridge sys.Bridge
}

// open makes one with what is ours.
func (e *epoll) open() (*instance, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, sys.OpenLimit(err)
	}
	i := &instance{fd: fd}
	if !e.threaded {
		err = i.park()
	}
	for slot, own := range map[int32]int{bellSlot: e.set.bell.fd, timerSlot: e.timer.fd} {
		if err == nil {
			err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, own, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot})
		}
	}
	if err != nil {
		_ = i.close()
		return nil, sys.WatchLimit(err)
	}
	return i, nil
}

// park puts it into Go's poller.
func (i *instance) park() (err error) {
	_ = unix.SetNonblock(i.fd, true) // so that os.NewFile does it
	i.file = os.NewFile(uintptr(i.fd), "epoll")
	i.bridge = sys.Bridge{SetDeadline: i.file.SetReadDeadline}
	if i.raw, err = i.file.SyscallConn(); err != nil {
		return err
	}
	return sys.Pollable(i.file)
}

func (i *instance) close() error {
	if i.file == nil {
		return unix.Close(i.fd)
	}
	i.bridge.Disarm()
	return i.file.Close()
}

// renew replaces the epoll by one that has only what is live. The old one goes on
// telling of a file that was closed here while a duplicate is open, at each wait, and can be
// told to forget by the closed number alone.
func (e *epoll) renew() error {
	fresh, err := e.open()
	if err != nil {
		return err
	}
	for _, slot := range e.slots {
		if err := e.move(slot.r, fresh); err != nil {
			_ = fresh.close()
			return sys.WatchLimit(err)
		}
	}
	old := e.instance
	e.instance, e.haunted = fresh, false
	return old.close()
}

// move leaves out what is closed. A OneShot that is spent is told once more by the
// kernel, and not by us.
func (e *epoll) move(r *Registration, fresh *instance) error {
	if r == nil {
		return nil
	}
	err := r.held(func() error { return e.control(fresh.fd, unix.EPOLL_CTL_ADD, r) })
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
