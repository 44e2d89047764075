package poll

import (
	"os"

	"golang.org/x/sys/unix"
)

// renew replaces the epoll by one that has only what is live. The old one goes on
// telling of a file that was closed here while a duplicate is open, at each wait, and can be
// told to forget by the closed number alone.
func (e *epoll) renew() error {
	old := e.file
	e.bridge.Disarm()
	if err := e.open(); err != nil {
		return err
	}
	_ = old.Close()
	for i := range e.slots {
		if r := e.slots[i].r; r != nil {
			e.move(r)
		}
	}
	return nil
}

// move leaves out a OneShot that is spent, which cannot be added as such: Modify adds it.
func (e *epoll) move(r *Registration) {
	if !r.armed {
		return
	}
	err := os.ErrClosed
	_ = r.raw.Control(func(fd uintptr) {
		if int(fd) == r.fd {
			err = e.control(unix.EPOLL_CTL_ADD, r)
		}
	})
	if err != nil {
		e.set.drop(r)
	}
}
