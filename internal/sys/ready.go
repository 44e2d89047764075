package sys

import "golang.org/x/sys/unix"

// Ready asks poll(2) which of the events a descriptor has at this moment; of errors
// and of the end it tells unasked.
func Ready(fd int, events int16) (int16, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
	err := Again(func() error { _, err := unix.Poll(fds, 0); return err })
	return fds[0].Revents, err
}
