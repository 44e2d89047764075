package kith_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"kith"
	"kith/internal/kithtest"
)

// netPair is the two ends of a connection; the first one dialed.
func netPair(address string) (one, other net.Conn, err error) {
	l, err := kith.ListenNet(context.Background(), address)
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	dialing := kithtest.Go(func() (err error) {
		one, err = kith.DialNet(context.Background(), l.Addr().String())
		return err
	})
	other, err = l.Accept()
	return one, other, errors.Join(err, dialing.Wait())
}

// joined is netPair, closed with the test.
func joined(t testing.TB, scheme string) (one, other net.Conn) {
	t.Helper()
	one, other, err := netPair(at(scheme, alone(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = one.Close(), other.Close() })
	return one, other
}

// What every net.Conn must do, net's own tests say. (On a transport that cuts a message in two, a
// Write which its deadline ends may be the last one: they do not have that.)
func TestNetConn(t *testing.T) {
	for _, keys := range []string{"", "?ring=4k"} {
		t.Run("shm"+keys, func(t *testing.T) {
			nettest.TestConn(t, func() (one, other net.Conn, stop func(), err error) {
				one, other, err = netPair(at("shm", alone(t)) + keys)
				return one, other, func() { _, _ = one.Close(), other.Close() }, err
			})
		})
	}
}

// An Accept that Close ends, and one that comes later, say what those look for who serve
// a net.Listener.
func TestNetListenerCloses(t *testing.T) {
	l, err := kith.ListenNet(t.Context(), at("shm", alone(t)))
	if err != nil {
		t.Fatal(err)
	}
	accept := func() error { _, err := l.Accept(); return err }
	waiting := kithtest.Go(accept)
	if err := waiting.Parked(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for _, err := range []error{waiting.Wait(), accept()} {
		if netError, is := errors.AsType[net.Error](err); !errors.Is(err, net.ErrClosed) || !is || netError.Timeout() {
			t.Errorf("%v, want net.ErrClosed, as a net.Error", err)
		}
	}
}

// Reads, Writes and their turns end with Close, whoever waits.
func TestNetConnCloses(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			one, other := joined(t, scheme)
			before := kithtest.Hold()
			var calls []*kithtest.Call
			for range 3 {
				calls = append(calls,
					kithtest.Go(func() error { _, err := one.Read(make([]byte, 1)); return err }),
					kithtest.Go(func() error { return endless(one) }),
					kithtest.Go(func() error { _, err := io.Copy(io.Discard, one); return err }))
			}
			if err := kithtest.Parked(calls...); err != nil {
				t.Error(err)
			}
			if err := errors.Join(one.Close(), one.Close()); err != nil && scheme == "shm" { // others say that the goodbye found no room
				t.Error(err)
			}
			for _, call := range calls {
				if err := call.Wait(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("%v, want net.ErrClosed", err)
				}
			}
			for what, err := range afterwards(one) {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s after Close: %v, want net.ErrClosed", what, err)
				}
			}
			_ = other.Close()
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

// endless writes until that fails.
func endless(c net.Conn) error {
	for {
		if _, err := c.Write(make([]byte, 100_000)); err != nil {
			return err
		}
	}
}

// afterwards is what each call says on a connection that was closed.
func afterwards(c net.Conn) map[string]error {
	_, read := c.Read(make([]byte, 1))
	_, readNone := c.Read(nil)
	_, write := c.Write([]byte{1})
	_, writeNone := c.Write(nil)
	_, copied := c.(io.WriterTo).WriteTo(io.Discard)
	return map[string]error{
		"Read": read, "Read of nothing": readNone, "Write": write, "Write of nothing": writeNone, "WriteTo": copied,
		"CloseWrite": c.(interface{ CloseWrite() error }).CloseWrite(),
	}
}

// Nothing waits where there is nothing to read or to write.
func TestNetConnOfNothing(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			one, other := joined(t, scheme)
			if n, err := one.Read(nil); n != 0 || err != nil {
				t.Errorf("Read: %d, %v", n, err)
			}
			if n, err := one.Write(nil); n != 0 || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			write(t, one, "something")
			wantRead(t, other, "something") // and no empty message before it
		})
	}
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if n, err := io.WriteString(c, text); n != len(text) || err != nil {
		t.Fatalf("wrote %d bytes of %d, %v", n, len(text), err)
	}
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); string(got) != want {
		t.Fatalf("read %.40q, %d bytes, %v; want %.40q", got[:n], n, err, want)
	}
}

// CloseWrite ends the peer's Reads, and ours go on.
func TestNetCloseWrite(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			one, other := joined(t, scheme)
			write(t, one, "last words")
			if err := one.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(other); string(text) != "last words" || err != nil {
				t.Errorf("%q, %v", text, err)
			}
			if _, err := other.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // many look for it so
				t.Errorf("%v, want a bare io.EOF", err)
			}
			if _, err := one.Write([]byte("more")); !errors.Is(err, kith.ErrSendClosed) {
				t.Errorf("a Write after it: %v", err)
			}
			write(t, other, "an answer")
			wantRead(t, one, "an answer")
		})
	}
}
