package mq_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/mq"
)

func register(t *testing.T, q *mq.Queue) *mq.Notification {
	t.Helper()
	n, err := q.Notify()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func waiting(t *testing.T, n *mq.Notification) *kithtest.Call {
	t.Helper()
	call := kithtest.Go(func() error { return n.Wait(context.Background()) })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	return call
}

func TestNotificationOfPeersMessage(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		q := create(t, mq.Attributes{Messages: 2, Size: 8192})
		p.order(t, "ok", "open %s", q.Name())
		before := kithtest.Hold()
		n, err := q.Notify()
		if err != nil {
			t.Fatal(err)
		}
		if stat, err := q.Stat(); stat.Notified != os.Getpid() || err != nil {
			t.Errorf("registered is %d, %v", stat.Notified, err)
		}
		one, other := waiting(t, n), waiting(t, n)
		p.order(t, "ok", "send 0 wake up")
		if err := errors.Join(one.Wait(), other.Wait(), n.Wait(t.Context())); err != nil {
			t.Error(err)
		}
		again, err := q.Notify() // the first is spent
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Close(); err != nil { // and does not end the second
			t.Error(err)
		}
		call := waiting(t, again)
		p.order(t, "ok", "send 0 not the first")
		if err := call.Parked(); err != nil {
			t.Errorf("notified of a message that came to others: %v", err)
		}
		p.order(t, "0 wake up", "receive")
		p.order(t, "0 not the first", "receive")
		p.order(t, "ok", "send 0 the first again")
		if err := errors.Join(call.Wait(), again.Close()); err != nil {
			t.Error(err)
		}
		if err := before.Left(); err != nil {
			t.Error(err)
		}
	})
}

// One process at a time may be registered; one that dies is not.
func TestNotificationIsForOne(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 8192})
	p := cPeer(t)
	p.order(t, "ok", "open %s", q.Name())

	n := register(t, q)
	p.order(t, "EBUSY", "notify")
	var path *os.PathError
	if _, err := q.Notify(); !errors.Is(err, unix.EBUSY) || !errors.As(err, &path) {
		t.Errorf("a second registration: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	p.order(t, "ok", "notify")
	if stat, err := q.Stat(); stat.Notified != p.Cmd.Process.Pid || err != nil {
		t.Errorf("registered is %d, %v", stat.Notified, err)
	}
	if _, err := q.Notify(); !errors.Is(err, unix.EBUSY) {
		t.Errorf("where the peer is registered: %v", err)
	}
	p.tell(t, "await")
	if err := q.Send(t.Context(), []byte("to the peer"), 0); err != nil {
		t.Fatal(err)
	}
	p.expect(t, "ok")

	p.order(t, "ok", "notify")
	p.Kill()
	if _, _, err := q.TryReceive(make([]byte, 8192)); err != nil {
		t.Fatal(err)
	}
	n = register(t, q)
	if err := errors.Join(q.TrySend(nil, 0), n.Wait(t.Context())); err != nil {
		t.Error(err)
	}
}

// The kernel takes a registration back when the process closes any descriptor
// of the queue.
func TestNotificationForgotten(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 8})
	n := register(t, q)
	call := waiting(t, n)
	if err := open(t, q.Name(), os.O_RDONLY).Close(); err != nil {
		t.Fatal(err)
	}
	if err := call.Wait(); !errors.Is(err, mq.ErrForgotten) {
		t.Errorf("another descriptor closed: %v", err)
	}
	n = register(t, q)
	call = waiting(t, n)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := call.Wait(); !errors.Is(err, mq.ErrForgotten) {
		t.Errorf("the queue closed: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func TestNotificationCancelledAndClosed(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 8})
	n := register(t, q)
	reason := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	call := kithtest.Go(func() error { return n.Wait(ctx) })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	cancel(reason)
	if err := call.Wait(); !errors.Is(err, reason) {
		t.Errorf("cancelled: %v", err)
	}
	if err := n.Wait(ctx); !errors.Is(err, reason) {
		t.Errorf("cancelled before: %v", err)
	}
	call = waiting(t, n)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := call.Wait(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if err := n.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if stat, err := q.Stat(); stat.Notified != 0 || err != nil {
		t.Errorf("closed, registered is %d, %v", stat.Notified, err)
	}
}

func TestNotificationPolls(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 8})
	n := register(t, q)
	for _, want := range []bool{false, true, true} {
		err := sys.Control(n, func(fd int) error {
			if ready, err := readable(fd); ready != want || err != nil {
				t.Errorf("readable: %v, %v, want %v", ready, err, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := q.TrySend(nil, 0); err != nil && !errors.Is(err, mq.ErrFull) {
			t.Fatal(err)
		}
	}
}
