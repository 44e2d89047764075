package poll

import (
	"errors"

	"golang.org/x/sys/unix"
)

func (e *epoll) add(r *Registration) error {
	if len(e.free) == 0 {
		e.free = append(e.free, int32(len(e.slots)))
		e.slots = append(e.slots, slot{})
	}
	last := len(e.free) - 1
	r.place = int(e.free[last])
	err := e.control(e.fd, unix.EPOLL_CTL_ADD, r)
	if errors.Is(err, unix.EEXIST) { // one that was closed, and its file is back by a duplicate
		_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_DEL, r.fd, nil)
		err = e.control(e.fd, unix.EPOLL_CTL_ADD, r)
	}
	if err != nil {
		return err
	}
	e.free = e.free[:last]
	e.slots[r.place].r = r
	if r.mode&Exclusive != 0 && !e.threaded {
		e.threaded = true
		e.set.bell.ring() // for who waits in Go's poller
	}
	return nil
}

func (e *epoll) modify(r *Registration) error {
	e.slots[r.place].generation++ // what has come is of what was wanted before
	operation := unix.EPOLL_CTL_MOD
	if r.mode&Exclusive != 0 { // it cannot be modified
		_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_DEL, r.fd, nil)
		operation = unix.EPOLL_CTL_ADD
	}
	err := e.control(e.fd, operation, r)
	if err != nil {
		e.slots[r.place].generation--
	}
	return err
}

func (e *epoll) control(fd, operation int, r *Registration) error {
	bits := uint32(r.want) | uint32(r.mode)
	return unix.EpollCtl(fd, operation, r.fd, &unix.EpollEvent{Events: bits, Fd: int32(r.place), Pad: e.slots[r.place].generation})
}

// remove cannot tell the kernel where the source was closed: the number is another's.
func (e *epoll) remove(r *Registration) {
	err := r.held(func() error { return unix.EpollCtl(e.fd, unix.EPOLL_CTL_DEL, r.fd, nil) })
	e.haunted = e.haunted || err != nil
	e.slots[r.place].generation++
	e.slots[r.place].r = nil
	e.free = append(e.free, int32(r.place))
}

// disarmed: the kernel knows by itself.
func (e *epoll) disarmed(*Registration) {}
