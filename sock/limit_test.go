package sock_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sock"
)

// A user without privileges can have so many descriptors on the way, and when some
// are received, so many more.
func TestDescriptorsInFlight(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	child := kithtest.Command(t, "in flight")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: kithtest.User(), Gid: nobody}}
	_, _ = give(t, sock.Packet, child)
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

func inFlight([]string) error {
	const most = 50
	a, b, err := sock.Pair(sock.Datagram)
	if err != nil {
		return err
	}
	sender, err1 := sock.On(a)
	receiver, err2 := sock.On(b)
	limiting := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: most, Max: most})
	if err := errors.Join(err1, err2, limiting); err != nil {
		return err
	}
	sent := 0
	for ; sent <= 2*most; sent++ {
		if err = sender.Send(background, []byte("x"), os.Stdin); err != nil {
			break
		}
	}
	if err := isLimit(err, unix.ETOOMANYREFS, "RLIMIT_NOFILE"); err != nil {
		return err
	}
	if sent < most || limit(err) != most {
		return fmt.Errorf("%d were sent, the limit is %d", sent, limit(err))
	}
	if err := sender.Send(background, []byte("none")); err != nil {
		return err
	}
	for range 2 {
		m, err := receiver.Receive(background, make([]byte, 8), sock.Exactly(1))
		if err != nil {
			return err
		}
		m.Close()
	}
	return sender.Send(background, []byte("x"), os.Stdin)
}

// Who may open no more is told which limit that is, whatever call needs a descriptor,
// and what waits to be accepted still does.
func TestDescriptorLimit(t *testing.T) {
	child := kithtest.Command(t, "open few", directory(t))
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func openFew(args []string) error {
	at, long := sock.Addr(args[0]+"/s"), sock.Addr(args[0]+"/"+strings.Repeat("./", 100)+"s")
	receiver, err1 := sock.New(sock.Datagram)
	sender, err2 := sock.New(sock.Datagram)
	listener, err3 := sock.New(sock.Stream)
	dialer, err4 := sock.New(sock.Stream)
	if err := errors.Join(err1, err2, err3, err4, receiver.Bind(at, 0o600), listener.Bind(at+"2", 0o600), listener.Listen(), dialer.Connect(background, at+"2")); err != nil {
		return err
	}
	asked, asking, err := passing()
	if err != nil {
		return err
	}
	if err := asking.Send(background, []byte("x")); err != nil {
		return err
	}
	for sender.TrySendTo(at, nil) == nil { // until it would have to wait
	}
	_ = kithtest.Hold() // opens what Go keeps
	few := uint64(lowestFree())
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: few, Max: 1000}); err != nil {
		return err
	}
	_, making := sock.New(sock.Stream)
	_, _, pairing := sock.Pair(sock.Stream)
	_, accepting := listener.Accept(background)
	_, pidfd := sock.PeerPidfd(dialer)
	_, receiving := asked.Receive(background, make([]byte, 8), sock.Exactly(0))
	for call, failure := range map[string]error{
		"socket": making, "socketpair": pairing, "accept": accepting,
		"send": sender.SendTo(background, at, nil), "send far": sender.SendTo(background, long, nil),
		"connect": sender.Connect(background, long), "bind": sender.Bind(long+"3", 0o600),
	} {
		if wrong := isLimit(failure, unix.EMFILE, "RLIMIT_NOFILE"); wrong != nil || limit(failure) != int64(few) {
			err = errors.Join(err, fmt.Errorf("%s: %w, %w", call, failure, wrong))
		}
	}
	if !errors.Is(pidfd, errors.ErrUnsupported) {
		err = errors.Join(err, isLimit(pidfd, unix.EMFILE, "RLIMIT_NOFILE"), isLimit(receiving, unix.EMFILE, "RLIMIT_NOFILE"))
	}
	if err := errors.Join(err, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1000, Max: 1000})); err != nil {
		return err
	}
	accepted, err := listener.Accept(background)
	if err != nil {
		return err
	}
	return accepted.Close()
}

// passing is a pair, the first of which asks for pidfds, where there are any.
func passing() (asked, other *sock.Socket, err error) {
	a, b, err := sock.Pair(sock.Packet)
	if err != nil {
		return nil, nil, err
	}
	asked, err1 := sock.On(a)
	other, err2 := sock.On(b)
	if err := asked.PassPidfd(true); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, nil, err
	}
	return asked, other, errors.Join(err1, err2)
}
