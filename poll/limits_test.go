package poll_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/poll"
)

// limits, a child, meets the limits of a process.
func limits([]string) error {
	return errors.Join(tooHigh(), noDescriptors(), lowered(), crowd())
}

func TestLimits(t *testing.T) {
	if err := kithtest.Command(t, "limits").Start().Wait(); err != nil {
		t.Error(err)
	}
}

// isLimit reports how err is not that limit.
func isLimit(err, errno error, name string) error {
	var limit *ipc.LimitError
	if !errors.As(err, &limit) || !errors.Is(err, errno) || limit.Limit != name {
		return fmt.Errorf("%w: want the limit %s, %w", err, name, errno)
	}
	return nil
}

// fill takes all numbers below one, and returns what gives them back.
func fill(below int) (free func(), err error) {
	var taken []int
	for {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err == nil && fd < below {
			taken = append(taken, fd)
			continue
		}
		if err == nil {
			err = unix.Close(fd)
		}
		return func() {
			for _, fd := range taken {
				_ = unix.Close(fd)
			}
		}, err
	}
}

// tooHigh: a set of select itself does not fit.
func tooHigh() error {
	if err := setLimit(unix.RLIMIT_NOFILE, 2000); err != nil {
		return err
	}
	free, err := fill(unix.FD_SETSIZE)
	if err != nil {
		return err
	}
	defer free()
	_, err = poll.New(poll.Select)
	if err = errors.Join(isLimit(err, poll.ErrTooHigh, "FD_SETSIZE")); err != nil {
		return err
	}
	for _, backend := range []poll.Backend{poll.Epoll, poll.Poll} {
		set, err := poll.New(backend)
		if err != nil {
			return err
		}
		if err := set.Close(); err != nil {
			return err
		}
	}
	return nil
}

func setLimit(which int, most uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(which, &limit); err != nil {
		return err
	}
	limit.Cur = most
	return unix.Setrlimit(which, &limit)
}

// noDescriptors: wherever a set needs one and there is none, it says so, leaves
// nothing, and goes on when there is.
func noDescriptors() error {
	if err := setLimit(unix.RLIMIT_NOFILE, 100); err != nil {
		return err
	}
	for _, backend := range poll.Backends() {
		for spare := range 4 {
			if err := newWithSpare(backend, spare); err != nil {
				return fmt.Errorf("%s with %d descriptors: %w", backend, spare, err)
			}
		}
	}
	return renewWithout()
}

func newWithSpare(backend poll.Backend, spare int) error {
	var spares []int
	for range spare {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			return err
		}
		spares = append(spares, fd)
	}
	free, err := fill(100)
	defer free()
	if !errors.Is(err, unix.EMFILE) {
		return fmt.Errorf("%w: want EMFILE", err)
	}
	for _, fd := range spares {
		_ = unix.Close(fd)
	}
	set, err := poll.New(backend)
	enough := map[poll.Backend]int{poll.Epoll: 3, poll.Poll: 2, poll.Select: 2}[backend]
	if spare >= enough {
		return errors.Join(err, set.Close())
	}
	err = isLimit(err, unix.EMFILE, "RLIMIT_NOFILE")
	for range spare { // they are free again
		fd, failed := unix.Eventfd(0, unix.EFD_CLOEXEC)
		err = errors.Join(err, failed)
		spares = append(spares, fd)
	}
	for _, fd := range spares[spare:] {
		_ = unix.Close(fd)
	}
	return err
}

// lowered: poll(2) takes no more sources than the process may have descriptors.
func lowered() error {
	if err := setLimit(unix.RLIMIT_NOFILE, 200); err != nil {
		return err
	}
	set, err := poll.New(poll.Poll)
	if err != nil {
		return err
	}
	for range 50 {
		r, _, err := os.Pipe()
		if err == nil {
			_, err = set.Add(r, poll.Readable, poll.Level)
		}
		if err != nil {
			return err
		}
	}
	if err := setLimit(unix.RLIMIT_NOFILE, 50); err != nil {
		return err
	}
	_, waited := set.Wait(context.Background(), make([]poll.Event, 1))
	_, tried := set.TryWait(make([]poll.Event, 1))
	return errors.Join(
		isLimit(waited, unix.EINVAL, "RLIMIT_NOFILE"), isLimit(tried, unix.EINVAL, "RLIMIT_NOFILE"),
		setLimit(unix.RLIMIT_NOFILE, 1000), set.Close())
}
