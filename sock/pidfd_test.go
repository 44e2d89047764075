package sock_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/sock"
)

// needPidfds skips the test where the kernel has none, once the error is seen to say so.
func needPidfds(t *testing.T) {
	t.Helper()
	a, _ := pair(t, sock.Packet)
	file, err := sock.PeerPidfd(a)
	if err == nil {
		_ = file.Close()
		return
	}
	wants(t, err, errors.ErrUnsupported)
	wants(t, err, unix.ENOPROTOOPT)
	wants(t, a.PassPidfd(true), errors.ErrUnsupported)
	kithtest.NeedKernel(t, "pidfd-peer")
	t.Fatal(err)
}

// ended asks a pidfd whether its process has ended.
func ended(t *testing.T, pidfd *os.File) (readable bool) {
	t.Helper()
	err := sys.Control(pidfd, func(fd int) error {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, 0)
		readable = fds[0].Revents != 0
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return readable
}

func closedOnExec(t *testing.T, file *os.File) {
	t.Helper()
	err := sys.Control(file, func(fd int) error {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor flags %#x: it would leak into children", flags)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func signal(pidfd *os.File, number unix.Signal) error {
	return sys.Control(pidfd, func(fd int) error { return unix.PidfdSendSignal(fd, number, nil, 0) })
}

// A pidfd of the peer is of that process, and tells of its end.
func TestPeerPidfd(t *testing.T) {
	needPidfds(t)
	withPeers(t, func(t *testing.T, p peer) {
		p.Start()
		listener := listening(t, sock.Stream, abstract(t))
		p.order(t, "new stream", "connect "+name(abstract(t)))
		s, err := listener.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		pidfd, err := sock.PeerPidfd(s)
		if err != nil {
			t.Fatal(err)
		}
		defer pidfd.Close()
		closedOnExec(t, pidfd)
		if ended(t, pidfd) {
			t.Error("it has ended already")
		}
		if err := signal(pidfd, unix.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := p.Wait(); err == nil || err.Error() != "signal: terminated" {
			t.Errorf("the signal reached somebody else: %v", err)
		}
		if !ended(t, pidfd) {
			t.Error("it has not ended yet")
		}
		wants(t, signal(pidfd, 0), unix.ESRCH)

		late, err := sock.PeerPidfd(s) // of one that was waited for
		switch {
		case errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL): // before Linux 6.16
		case err != nil:
			t.Error(err)
		default:
			defer late.Close()
			if !ended(t, late) {
				t.Error("it is of another process")
			}
			wants(t, signal(late, 0), unix.ESRCH)
		}
	})
}

// The netpoller can wait for it.
func TestPidfdParks(t *testing.T) {
	needPidfds(t)
	p := peer{programs["C"](t).Start()}
	listener := listening(t, sock.Stream, abstract(t))
	p.order(t, "new stream", "connect "+name(abstract(t)))
	s, err := listener.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	pidfd, err := sock.PeerPidfd(s)
	if err != nil {
		t.Fatal(err)
	}
	defer pidfd.Close()
	raw, err := pidfd.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	waiting := kithtest.Go(func() error { return raw.Read(func(uintptr) bool { return ended(t, pidfd) }) })
	if err := waiting.Parked(); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	if err := waiting.Wait(); err != nil {
		t.Error(err)
	}
}

// Each message comes with a pidfd of who sent it, who may have gone since.
func TestPassPidfd(t *testing.T) {
	needPidfds(t)
	for _, kind := range kinds {
		withPeers(t, func(t *testing.T, p peer) {
			ours, theirs, err := sock.Pair(kind)
			if err != nil {
				t.Fatal(err)
			}
			p.Cmd.ExtraFiles = []*os.File{theirs}
			s := on(t, ours)
			if err := s.PassPidfd(true); err != nil {
				t.Fatal(err)
			}
			p.Start()
			_ = theirs.Close()
			before := descriptors(t)
			p.order(t, "send one a b")
			_, m := receive(t, s, 2)
			if m.Pidfd == nil || ended(t, m.Pidfd) {
				t.Fatalf("%+v", m)
			}
			closedOnExec(t, m.Pidfd)
			m.Close()
			p.order(t, "send two a b")
			if _, err := s.Receive(t.Context(), make([]byte, 8), sock.Exactly(1)); !errors.Is(err, sock.ErrFiles) {
				t.Errorf("%v", err)
			}
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
			p.order(t, "send last")
			p.Kill()
			if got, m := receive(t, s, 0); got != "last" || m.Pidfd != nil && !ended(t, m.Pidfd) {
				t.Errorf("%q, %+v", got, m)
			}
		})
	}
}
