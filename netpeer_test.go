package kith_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"kith"
	"kith/internal/kithtest"
)

// A peer need not speak through a net.Conn: its messages, of any size, are bytes of the
// stream, and ours are messages to it.
func TestNetToConn(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			l, err := kith.Listen(t.Context(), at(scheme, alone(t)))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			stream, err := kith.DialNet(t.Context(), l.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			peer, err := l.Accept(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()

			all := noise(1_500_000)
			sending := kithtest.Go(func() error {
				for rest, n := all, 0; len(rest) > 0; n = n*3 + 1 { // 0, 1, 4, 13 … beyond a ring
					part := rest[:min(n, len(rest))]
					if err := errors.Join(peer.Send(t.Context(), part), peer.Send(t.Context(), nil)); err != nil {
						return err
					}
					rest = rest[len(part):]
				}
				return peer.CloseSend()
			})
			got, err := io.ReadAll(stream)
			if !bytes.Equal(got, all) || err != nil {
				t.Errorf("%d bytes of %d, %v", len(got), len(all), err)
			}
			if err := sending.Wait(); err != nil {
				t.Error(err)
			}
			write(t, stream, "a message")
			if msg, err := peer.Receive(t.Context()); string(msg) != "a message" || err != nil {
				t.Errorf("%q, %v", msg, err)
			}
		})
	}
}

// A peer that sends empty messages without end keeps no Read beyond its deadline.
func TestNetEmptyMessagesForEver(t *testing.T) {
	l, err := kith.Listen(t.Context(), at("shm", alone(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	stream, err := kith.DialNet(t.Context(), l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sending := kithtest.Go(func() error {
		for {
			if err := peer.Send(t.Context(), nil); err != nil {
				return err
			}
		}
	})
	if err := stream.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Error(err)
	}
	if n, err := stream.Read(make([]byte, 1)); n != 0 || !isTimeout(err) {
		t.Errorf("%d, %v, want a timeout", n, err)
	}
	if err := stream.SetReadDeadline(time.Time{}); err != nil {
		t.Error(err)
	}
	reading := kithtest.Go(func() error { _, err := stream.Read(make([]byte, 1)); return err })
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
	if err := reading.Wait(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, want net.ErrClosed", err)
	}
	if err := sending.Wait(); err == nil {
		t.Error("it goes on sending")
	}
	_ = peer.Close()
}

func isTimeout(err error) bool {
	netError, is := errors.AsType[net.Error](err)
	return is && netError.Timeout()
}

// No Read and no Write allocates, whole or in parts, and neither does setting a deadline that is
// not reached.
func TestNetAllocatesNothing(t *testing.T) {
	for _, scheme := range []string{"shm", "unix"} {
		t.Run(scheme, func(t *testing.T) {
			one, other := joined(t, scheme)
			echoing := kithtest.Go(func() error { _, err := io.Copy(other, other); return err })
			p, large := make([]byte, 64), make([]byte, 100_000)
			exchange := func() {
				for _, q := range [][]byte{p, large} {
					if err := one.SetDeadline(time.Now().Add(time.Hour)); err != nil {
						t.Error(err)
					}
					if _, err := one.Write(q); err != nil {
						t.Error(err)
					}
					for rest := q; len(rest) > 0; {
						n, err := one.Read(rest[:min(len(rest), 30_000)])
						if err != nil {
							t.Fatal(err)
						}
						rest = rest[n:]
					}
				}
			}
			for range 100 { // what is made once
				exchange()
			}
			if allocs := testing.AllocsPerRun(300, exchange); allocs != 0 {
				t.Errorf("%v allocations an exchange", allocs)
			}
			if err := one.Close(); err != nil {
				t.Error(err)
			}
			if err := echoing.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}
