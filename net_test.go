package kith_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/net/nettest"

	"kith"
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
