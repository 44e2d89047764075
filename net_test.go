package kith_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/net/nettest"

	"kith"
	"kith/internal/kithtest"
)

// What every net.Conn must do, net's own tests say.
func TestNetConn(t *testing.T) {
	nettest.TestConn(t, func() (one, other net.Conn, stop func(), err error) {
		l, err := kith.ListenNet(context.Background(), "shm:"+filepath.Join(t.TempDir(), "web"))
		if err != nil {
			return nil, nil, nil, err
		}
		defer l.Close()
		dialed := make(chan error, 1)
		go func() {
			var err error
			one, err = kith.DialNet(context.Background(), l.Addr().String())
			dialed <- err
		}()
		other, err = l.Accept()
		if failed := <-dialed; err == nil {
			err = failed
		}
		return one, other, func() { _, _ = one.Close(), other.Close() }, err
	})
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
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v, want net.ErrClosed", err)
		}
	}
}
