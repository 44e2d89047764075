package poll

import (
	"context"
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// epoll waits by epoll(7). Its descriptor is readable when a source is ready, and so
// can be waited for in Go's poller, which is an epoll itself.
type epoll struct {
	set *Set

	// Guarded by the set's mu, and fd is changed in turn only.
	fd    int
	slots []slot
	free  []int32

	// Of whoever has the turn.
	file   *os.File
	raw    syscall.RawConn
	bridge sys.Bridge
	timer  timer
	look   func(fd uintptr) bool // returns whether the wait has ended
	glance func(fd uintptr)
	buffer []unix.EpollEvent
	come   []unix.EpollEvent // what is in the buffer
	failed error
}

// The kernel keeps a slot's number and generation with each descriptor: what comes
// of a registration that was removed is not of the slot's generation of now.
type slot struct {
	generation int32 // from 1 on
	ghost      int32 // the generation of which something came after its end
	r          *Registration
}

// The numbers of what is ours.
const (
	bellSlot  = -1
	timerSlot = -2
)

func (e *epoll) waiting() string  { return "epoll_wait" }
func (e *epoll) register() string { return "epoll_ctl" }

func newEpoll(s *Set) (*epoll, error) {
	e := &epoll{set: s}
	e.look, e.glance = e.lookOn, func(fd uintptr) { e.lookOn(fd) }
	timer, err := newTimer()
	if err != nil {
		return nil, err
	}
	e.timer = timer
	if err := e.open(); err != nil {
		e.timer.close()
		return nil, err
	}
	return e, nil
}

// open makes an empty epoll.
func (e *epoll) open() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return sys.OpenLimit(err)
	}
	_ = unix.SetNonblock(fd, true) // so that os.NewFile gives it to the poller
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err == nil {
		err = sys.Pollable(file)
	}
	for slot, own := range map[int32]int{bellSlot: e.set.bell.fd, timerSlot: e.timer.fd} {
		if err == nil {
			err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, own, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot})
		}
	}
	if err != nil {
		_ = file.Close()
		return registering(err)
	}
	e.fd, e.file, e.raw = fd, file, raw
	e.bridge = sys.Bridge{SetDeadline: file.SetReadDeadline}
	return nil
}

func (e *epoll) close() error {
	e.bridge.Disarm()
	e.timer.close()
	return e.file.Close()
}

func (e *epoll) wait(ctx context.Context, most int, block bool) error {
	if cap(e.buffer) < most {
		e.buffer = make([]unix.EpollEvent, most)
	}
	e.buffer = e.buffer[:most]
	if !block {
		_ = e.raw.Control(e.glance)
		return e.failed
	}
	left, err := left(ctx)
	if err != nil {
		return err
	}
	e.timer.set(left)
	e.bridge.Arm(ctx)
	if err := e.raw.Read(e.look); err != nil {
		return e.bridge.Cause(ctx, err)
	}
	return e.failed
}

func (e *epoll) lookOn(fd uintptr) bool {
	n := 0
	e.failed = sys.Again(func() (err error) {
		n, err = unix.EpollWait(int(fd), e.buffer, 0)
		return err
	})
	e.come = e.buffer[:max(n, 0)]
	return n != 0
}

func (e *epoll) collect(events []Event) (n int, err error) {
	haunted := false
	for _, come := range e.come {
		switch come.Fd {
		case bellSlot:
			e.set.bell.silence()
		case timerSlot:
			e.timer.silence()
		default:
			slot := &e.slots[come.Fd]
			if slot.generation != come.Pad {
				haunted = slot.haunted(come.Pad) || haunted
			} else if event, is := slot.r.event(Events(come.Events)); is {
				events[n] = event
				n++
			}
		}
	}
	if haunted {
		err = e.renew()
	}
	return n, err
}

// haunted: the first time it was fetched, perhaps, just before it was removed.
func (s *slot) haunted(generation int32) bool {
	again := s.ghost == generation
	s.ghost = generation
	return again
}

func (e *epoll) add(r *Registration) error {
	if len(e.free) == 0 {
		e.free = append(e.free, int32(len(e.slots)))
		e.slots = append(e.slots, slot{generation: 1})
	}
	last := len(e.free) - 1
	number := e.free[last]
	r.place = int(number)
	if err := e.control(unix.EPOLL_CTL_ADD, r); err != nil {
		return err
	}
	e.free = e.free[:last]
	e.slots[number].r = r
	return nil
}

// modify adds what renew had to leave out.
func (e *epoll) modify(r *Registration) error {
	err := e.control(unix.EPOLL_CTL_MOD, r)
	if errors.Is(err, unix.ENOENT) {
		err = e.control(unix.EPOLL_CTL_ADD, r)
	}
	return err
}

func (e *epoll) control(operation int, r *Registration) error {
	bits := uint32(r.want) | uint32(r.mode)
	return unix.EpollCtl(e.fd, operation, r.fd, &unix.EpollEvent{Events: bits, Fd: int32(r.place), Pad: e.slots[r.place].generation})
}

// remove asks the source for its number, which is another's if the source was closed.
func (e *epoll) remove(r *Registration) {
	if r.open() {
		_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_DEL, r.fd, nil)
	}
	e.slots[r.place].generation++
	e.slots[r.place].r = nil
	e.free = append(e.free, int32(r.place))
}

// disarmed: the kernel knows by itself.
func (e *epoll) disarmed(*Registration) {}
