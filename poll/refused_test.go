package poll_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/ipc"
	"kith/poll"
)

// What is always ready cannot be waited for, by any backend, and is refused.
func TestNotPollable(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		for _, path := range []string{"/proc/self/exe", t.TempDir(), "/dev/null", "/dev/zero"} {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = set.Add(f, poll.Readable, poll.Level)
			if !errors.Is(err, poll.ErrNotPollable) || !errors.Is(err, unix.EPERM) {
				t.Errorf("%s: %v", path, err)
			}
			_ = f.Close()
		}
		if set.Len() != 0 {
			t.Error(set.Len())
		}
	})
}

func TestRefused(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, _ := pipe(t)
		refused := func(want poll.Events, mode poll.Mode, why error) {
			t.Helper()
			var call *os.SyscallError
			if _, err := set.Add(r, want, mode); !errors.Is(err, why) || !errors.As(err, &call) {
				t.Errorf("%v, %#x: %v, want %v", want, mode, err, why)
			}
		}
		for _, want := range []poll.Events{poll.HangUp, poll.Error, poll.Closed, 1 << 31, poll.Readable | unix.EPOLLWAKEUP} {
			refused(want, poll.Level, unix.EINVAL)
		}
		refused(poll.Readable, 1, unix.EINVAL)
		refused(poll.Readable, unix.EPOLLWAKEUP, unix.EINVAL)
		fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
		path := file(t, "/", fd, err)
		if _, err := set.Add(path, poll.Readable, poll.Level); !errors.Is(err, unix.EBADF) {
			t.Error(err)
		}
		closed, _ := pipe(t)
		close1(t, closed)
		if _, err := set.Add(closed, poll.Readable, poll.Level); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
		registration := add(t, set, r, poll.Readable, poll.Level)
		close1(t, r)
		if err := registration.Modify(0); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
}

// Select and poll tell of levels only.
func TestNotSupported(t *testing.T) {
	for _, backend := range []poll.Backend{poll.Poll, poll.Select} {
		set := only(t, backend)
		r, _ := pipe(t)
		for _, mode := range []poll.Mode{poll.Edge, poll.Exclusive, poll.Edge | poll.OneShot} {
			if _, err := set.Add(r, poll.Readable, mode); !errors.Is(err, poll.ErrNotSupported) || !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s, %#x: %v", backend, mode, err)
			}
		}
	}
}

// Epolls in epolls end somewhere, and go in no circle.
func TestEpollInEpolls(t *testing.T) {
	chain := func(t *testing.T, length int) *os.File {
		t.Helper()
		var inner *os.File
		for range length {
			fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
			outer := file(t, "epoll", fd, err)
			if inner != nil {
				if err := unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, number(t, inner), &unix.EpollEvent{}); err != nil {
					t.Fatal(err)
				}
			}
			inner = outer
		}
		return inner
	}
	each(t, func(t *testing.T, set *poll.Set) {
		add(t, set, chain(t, 2), poll.Readable, poll.Level)
		_, err := set.Add(chain(t, 5), poll.Readable, poll.Level)
		if backend := t.Name()[len("TestEpollInEpolls/"):]; (backend == "epoll") != errors.Is(err, unix.ELOOP) {
			t.Errorf("%s: %v", backend, err)
		}
	})
}

// A descriptor that select would write behind its set.
func TestTooHigh(t *testing.T) {
	r, w := pipe(t)
	fd, err := unix.FcntlInt(uintptr(number(t, r)), unix.F_DUPFD_CLOEXEC, unix.FD_SETSIZE)
	if errors.Is(err, unix.EINVAL) {
		raise(t, unix.FD_SETSIZE+100)
		fd, err = unix.FcntlInt(uintptr(number(t, r)), unix.F_DUPFD_CLOEXEC, unix.FD_SETSIZE)
	}
	high := file(t, "high", fd, err)
	write(t, w, "x")
	each(t, func(t *testing.T, set *poll.Set) {
		registration, err := set.Add(high, poll.Readable, poll.Level)
		if err == nil {
			tells(t, set, poll.Event{Registration: registration, Ready: poll.Readable})
			return
		}
		var limit *ipc.LimitError
		if !errors.Is(err, poll.ErrTooHigh) || !errors.As(err, &limit) || limit.Max != unix.FD_SETSIZE || t.Name() != "TestTooHigh/select" {
			t.Error(err)
		}
	})
}

// raise lets the process have so many descriptors.
func raise(t *testing.T, most uint64) {
	t.Helper()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: most, Max: most}); err != nil {
		t.Fatal(err)
	}
}
