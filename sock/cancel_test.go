package sock_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sock"
)

// Each call that can wait parks, ends with its context, and with the socket, and
// leaves nothing behind.
func TestWaitingCallsEnd(t *testing.T) {
	none := sock.Exactly(0)
	for name, make := range map[string]func(*testing.T) (*sock.Socket, func(context.Context) error){
		"receive": func(t *testing.T) (*sock.Socket, func(context.Context) error) {
			s, _ := pair(t, sock.Packet)
			return s, func(ctx context.Context) error { _, err := s.Receive(ctx, nil, none); return err }
		},
		"receive a datagram": func(t *testing.T) (*sock.Socket, func(context.Context) error) {
			s := bound(t, sock.Datagram, "")
			return s, func(ctx context.Context) error { _, err := s.Receive(ctx, nil, none); return err }
		},
		"accept": func(t *testing.T) (*sock.Socket, func(context.Context) error) {
			s := listening(t, sock.Stream, abstract(t))
			return s, func(ctx context.Context) error { _, err := s.Accept(ctx); return err }
		},
		"send on a stream": func(t *testing.T) (*sock.Socket, func(context.Context) error) {
			s, _ := pair(t, sock.Stream)
			return s, sendsForEver(s)
		},
		"send a packet": func(t *testing.T) (*sock.Socket, func(context.Context) error) {
			s, _ := pair(t, sock.Packet)
			return s, sendsForEver(s)
		},
		"send a datagram": func(t *testing.T) (*sock.Socket, func(context.Context) error) {
			_ = bound(t, sock.Datagram, abstract(t))
			s := connected(t, sock.Datagram, abstract(t))
			return s, sendsForEver(s)
		},
		"send to a name": func(t *testing.T) (*sock.Socket, func(context.Context) error) {
			_ = bound(t, sock.Datagram, abstract(t))
			fill(t, abstract(t))
			s := fresh(t, sock.Datagram)
			return s, func(ctx context.Context) error { return s.SendTo(ctx, abstract(t), nil) }
		},
		"connect": func(t *testing.T) (*sock.Socket, func(context.Context) error) {
			fullListener(t, abstract(t))
			s := fresh(t, sock.Stream)
			return s, func(ctx context.Context) error { return s.Connect(ctx, abstract(t)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, wait := make(t)
			wants(t, wait(canceled(t)), errEnough)
			before := kithtest.Hold()
			for range 3 {
				ctx, cancel := context.WithCancelCause(t.Context())
				calls := waiters(t, ctx, wait)
				cancel(errEnough)
				for _, call := range calls {
					wants(t, call.Wait(), errEnough)
				}
			}
			if err := before.Left(); err != nil {
				t.Error(err)
			}
			calls := waiters(t, t.Context(), wait)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for _, call := range calls {
				wants(t, call.Wait(), os.ErrClosed)
			}
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

func waiters(t *testing.T, ctx context.Context, wait func(context.Context) error) []*kithtest.Call {
	t.Helper()
	calls := make([]*kithtest.Call, 4)
	for i := range calls {
		calls[i] = kithtest.Go(func() error { return wait(ctx) })
	}
	if err := kithtest.Parked(calls...); err != nil {
		t.Fatal(err)
	}
	return calls
}

// sendsForEver leaves a Stream as it is after a part of a message.
func sendsForEver(s *sock.Socket) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			if err := s.Send(ctx, make([]byte, 100)); err != nil {
				return err
			}
		}
	}
}

// fullListener is one whose queue is full.
func fullListener(t *testing.T, at sock.Addr) *sock.Socket {
	t.Helper()
	s := bound(t, sock.Stream, at)
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), 0) }) // room for one
	if err != nil {
		t.Fatal(err)
	}
	_ = connected(t, sock.Stream, at)
	return s
}

// Connect waits for its turn in the queue, and goes on when there is room. The socket
// waits in the poller again then.
func TestConnectWaitsForTheListener(t *testing.T) {
	listener := fullListener(t, abstract(t))
	s := fresh(t, sock.Stream)
	call := kithtest.Go(func() error { return s.Connect(t.Context(), abstract(t)) })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		accepted, err := listener.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		send(t, accepted, "hello")
	}
	if err := call.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := text(t, s); got != "hello" {
		t.Errorf("%q", got)
	}
	waiting := kithtest.Go(func() error { _, err := s.Receive(t.Context(), make([]byte, 1), sock.Exactly(0)); return err })
	if err := errors.Join(waiting.Parked(), s.Close()); err != nil {
		t.Fatal(err)
	}
	wants(t, waiting.Wait(), os.ErrClosed)
}

// A listener that goes while others wait refuses them.
func TestConnectWaitsForAListenerThatDies(t *testing.T) {
	listener := fullListener(t, abstract(t))
	calls := waiters(t, t.Context(), func(ctx context.Context) error {
		s := fresh(t, sock.Stream)
		return s.Connect(ctx, abstract(t))
	})
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for _, call := range calls {
		wants(t, call.Wait(), unix.ECONNREFUSED)
	}
}

// Each message is received once, whoever of a thousand receives it, and none is lost
// with those who are cancelled.
func TestThousandReceivers(t *testing.T) {
	for _, kind := range []sock.Kind{sock.Packet, sock.Datagram} {
		a, b := pair(t, kind)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		before := kithtest.Hold()
		calls := make([]*kithtest.Call, crowd)
		for i := range calls {
			calls[i] = kithtest.Go(func() error { _, err := b.Receive(ctx, make([]byte, 1), sock.Exactly(0)); return err })
		}
		if err := kithtest.Parked(calls...); err != nil {
			t.Fatal(err)
		}
		messages := 0
		for ; messages < crowd-1; messages++ {
			if messages == crowd/2 {
				go cancel(errEnough)
			}
			err := a.TrySend([]byte("x"))
			if messages > crowd/2 && errors.Is(err, sock.ErrFull) {
				break // whoever waited is gone
			}
			for ; errors.Is(err, sock.ErrFull); err = a.TrySend([]byte("x")) {
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		cancel(errEnough)
		received := 0
		for _, call := range calls {
			if err := call.Wait(); err == nil {
				received++
			} else {
				wants(t, err, errEnough)
			}
		}
		for {
			if _, err := b.TryReceive(make([]byte, 1), sock.Exactly(0)); err != nil {
				break
			}
			received++
		}
		if received != messages {
			t.Errorf("%d of %d were received", received, messages)
		}
		if err := before.Left(); err != nil {
			t.Error(err)
		}
	}
}

// The deadlines of a Conn are given back by Detach.
func TestDetach(t *testing.T) {
	one, other, err := sock.Pair(sock.Packet)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.CloseAll([]*os.File{one, other})
	for range 3 {
		s, err := sock.On(one)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		call := kithtest.Go(func() error { _, err := s.Receive(ctx, nil, sock.Exactly(0)); return err })
		if err := call.Parked(); err != nil {
			t.Fatal(err)
		}
		cancel(errEnough)
		wants(t, call.Wait(), errEnough)
		if s.Detach() != sock.Conn(one) {
			t.Error("Detach returns another Conn")
		}
		reading := kithtest.Go(func() error { _, err := one.Read(make([]byte, 1)); return err })
		if err := reading.Parked(); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := reading.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// A file that is no Unix socket, or cannot wait, is not taken.
func TestOnOthers(t *testing.T) {
	regular := temporary(t, "")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer sock.CloseAll([]*os.File{r, w})
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	blocking, other := os.NewFile(uintptr(fds[0]), ""), os.NewFile(uintptr(fds[1]), "")
	defer sock.CloseAll([]*os.File{blocking, other})
	inet, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	internet := os.NewFile(uintptr(inet), "")
	defer internet.Close()
	for _, c := range []struct {
		file *os.File
		want error
	}{{regular, unix.ENOTSOCK}, {r, unix.ENOTSOCK}, {internet, unix.EAFNOSUPPORT}, {blocking, os.ErrNoDeadline}} {
		if s, err := sock.On(c.file); !errors.Is(err, c.want) {
			t.Errorf("%v, %v, want %v", s, err, c.want)
		}
	}
}
