package poll_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/poll"
)

// The watches of a user are used up, here by a user whom nobody else is.
func TestWatches(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	kithtest.Lower(t, "/proc/sys/fs/epoll/max_user_watches", 200_000)
	child := kithtest.Command(t, "watches")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: kithtest.User(), Gid: kithtest.User()}}
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

// useWatchesUp, a child, meets the limit at once, or where a fresh epoll is half full.
func useWatchesUp([]string) error {
	if err := setLimit(unix.RLIMIT_NOFILE, 1000); err != nil {
		return err
	}
	return errors.Join(withSpare(0), withSpare(3))
}

func withSpare(spare int) error {
	set, writer, err := haunt()
	if err != nil {
		return err
	}
	before := kithtest.Hold()
	free, err := useUp(spare)
	if err != nil {
		return err
	}
	if spare == 0 {
		err = refusesAll(set)
	}
	return errors.Join(err, recovers(set, writer, unix.ENOSPC, "max_user_watches", free), before.Left())
}

// refusesAll: but poll has nothing to register.
func refusesAll(set *poll.Set) error {
	others, err := poll.New(poll.Poll)
	if err != nil {
		return err
	}
	defer others.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	_, added := set.Add(r, poll.Readable, poll.Level)
	_, made := poll.New(poll.Epoll)
	_, elsewhere := others.Add(r, poll.Readable, poll.Level)
	return errors.Join(elsewhere, isLimit(added, unix.ENOSPC, "max_user_watches"), isLimit(made, unix.ENOSPC, "max_user_watches"))
}

// useUp registers the same files in many epolls, until the kernel refuses, and leaves
// room for so many.
func useUp(spare int) (free func(), err error) {
	var files, epolls []int
	for range 500 {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			return nil, err
		}
		files = append(files, fd)
	}
	for {
		epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return nil, err
		}
		epolls = append(epolls, epoll)
		for _, fd := range files {
			err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{})
			if errors.Is(err, unix.ENOSPC) {
				for _, fd := range files[:spare] {
					_ = unix.EpollCtl(epolls[0], unix.EPOLL_CTL_DEL, fd, nil)
				}
				return func() {
					for _, fd := range append(files, epolls...) {
						_ = unix.Close(fd)
					}
				}, nil
			}
			if err != nil {
				return nil, err
			}
		}
	}
}
