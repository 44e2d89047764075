package shm

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/kithtest"
	"kith/ring"
)

// end is how a call may end under Close of either side.
func end(err error) error {
	for _, good := range []error{net.ErrClosed, io.EOF, unix.EPIPE} {
		if errors.Is(err, good) {
			return nil
		}
	}
	return err
}

func sendOn(c *conn, msg []byte) *kithtest.Call {
	return kithtest.Go(func() error {
		for {
			if err := c.Send(context.Background(), msg); err != nil {
				return end(err)
			}
		}
	})
}

func receiveOn(c *conn) *kithtest.Call {
	return kithtest.Go(func() error {
		for {
			if _, err := c.Receive(context.Background()); err != nil {
				return end(err)
			}
		}
	})
}

// Close comes from another goroutine, at any moment of calls that run or are
// blocked: they end, and nobody touches memory that is gone. A fault there would
// end this process.
func TestCloseUnderCalls(t *testing.T) {
	times := 1500
	if testing.Short() {
		times = 200
	}
	for n := range times {
		a, b := joinBoth(t, 4096, 4096)
		msg := make([]byte, []int{0, 64, 1024, 3000}[n%4])
		calls := []*kithtest.Call{sendOn(a, msg), receiveOn(a)}
		if n%3 > 0 { // else nobody reads at the other end, and both calls block
			calls = append(calls, sendOn(b, msg), receiveOn(b))
		}
		for range n % 64 {
			runtime.Gosched()
		}
		first, second := a, b
		if n%2 == 1 {
			first, second = b, a
		}
		if err := errors.Join(first.Close(), second.Close()); err != nil {
			t.Fatal(err)
		}
		for _, call := range calls {
			err := call.Wait()
			if errors.Is(err, driver.ErrPeerDied) && len(msg) > ring.MaxBody(4096) {
				err = nil // a message that Close cut off between two pieces has no goodbye behind it
			}
			if err != nil {
				t.Fatalf("time %d: %v", n, err)
			}
		}
	}
}

// Several may close at once, and all come back.
func TestCloseTogether(t *testing.T) {
	for range 200 {
		a, b := joinBoth(t, 4096, 4096)
		calls := []*kithtest.Call{sendOn(a, nil), receiveOn(b)}
		for _, c := range []*conn{a, a, b, b} {
			calls = append(calls, kithtest.Go(c.Close))
		}
		for _, call := range calls {
			if err := call.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Receive(context.Background()); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("after Close: %v", err)
		}
	}
}

func TestOneOfAKind(t *testing.T) {
	a, b := joinBoth(t, 4096, 4096)
	receive := kithtest.Go(func() error { _, err := a.Receive(t.Context()); return err })
	send := kithtest.Go(func() error { return a.Send(t.Context(), make([]byte, 100_000)) })
	if err := errors.Join(receive.Parked(), send.Parked()); err != nil {
		t.Fatal(err)
	}
	_, second := a.Receive(t.Context())
	for name, err := range map[string]error{"Receive": second, "Send": a.Send(t.Context(), nil), "CloseSend": a.CloseSend()} {
		if !errors.Is(err, driver.ErrConcurrent) {
			t.Errorf("a second %s: %v", name, err)
		}
	}
	if err := b.Send(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if msg, err := b.Receive(t.Context()); len(msg) != 100_000 || err != nil {
		t.Errorf("%d bytes, %v", len(msg), err)
	}
	if err := errors.Join(receive.Wait(), send.Wait()); err != nil {
		t.Errorf("the first ones: %v", err)
	}
}
