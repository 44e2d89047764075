package kith_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
	"kith/internal/rendezvous"
	"kith/internal/sys"
	"kith/ring"
	"kith/shm"
	"kith/sock"
)

func init() { kithtest.Register(map[string]kithtest.Func{"hostile net": hostileNet}) }

// paints are what a peer has in its ring: each header by chance, or always the same.
var paints = map[string]func(random *rand.Rand) uint64{
	"empty messages": func(*rand.Rand) uint64 { return uint64(ring.Pack(ring.Message, 0)) },
	"pieces":         func(*rand.Rand) uint64 { return uint64(ring.Pack(ring.More, 8)) },
	"messages":       func(random *rand.Rand) uint64 { return uint64(ring.Pack(ring.Message, random.IntN(1024))) },
	"noise":          func(random *rand.Rand) uint64 { return random.Uint64() },
	"goodbyes":       func(*rand.Rand) uint64 { return uint64(ring.Pack(ring.Goodbye, 0)) },
	"nothing":        func(*rand.Rand) uint64 { return 0 },
}

// hostileNet, in a child, shakes hands well, and paints its ring until it is told to stop.
func hostileNet(args []string) error {
	file, err := shm.Memfd("hostile", ring.ControlSize+ring.MinSize)
	if err != nil {
		return err
	}
	own, err := sys.MapRing(file, ring.ControlSize, ring.MinSize, true)
	if err != nil {
		return err
	}
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Net: "unixpacket", Name: args[0]})
	if err != nil {
		return err
	}
	front, err := sock.On(conn)
	if err != nil {
		return err
	}
	back, theirs, err := sock.Pair(sock.Packet)
	defer sock.CloseAll([]*os.File{back})
	hello := rendezvous.NewHello(rendezvous.Shared, 1<<20)
	hello.Ring = ring.MinSize
	err = errors.Join(err, shm.Seal(file, shm.WriterSeals), front.Send(context.Background(), hello.Bytes(), file, theirs), theirs.Close())
	if err != nil {
		return err
	}
	kithtest.Say("joined")
	for random, paint := rand.New(rand.NewPCG(1, 2)), paints[args[1]]; ; {
		for at := ring.ControlSize; at < ring.ControlSize+ring.MinSize; at += 8 {
			word, err := sys.Word64(own, at)
			if err != nil {
				return err
			}
			word.Store(paint(random))
		}
		_ = front.TrySend([]byte{1})
	}
}

// netEnds are the errors of a net.Conn that is not closed by ourselves.
var netEnds = []error{os.ErrDeadlineExceeded, kith.ErrProtocol, kith.ErrPeerDied, io.EOF, unix.EPIPE}

// Whatever the peer has in its memory, Read, Write and WriteTo end with a typed error, at
// the latest at their deadline, and at Close.
func TestNetConnOfAHostilePeer(t *testing.T) {
	for name := range paints {
		t.Run(name, func(t *testing.T) {
			before := kithtest.Hold()
			l, err := kith.ListenNet(t.Context(), at("shm", alone(t)))
			if err != nil {
				t.Fatal(err)
			}
			for _, calls := range [][]func(net.Conn) error{{readAll, writeAll}, {writeTo, writeAll}} {
				child := kithtest.Command(t, "hostile net", where(l.Addr().String()), name).Start()
				conn, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				untilTheEnd(t, conn, calls)
				child.Kill()
			}
			if err := errors.Join(l.Close(), before.Left()); err != nil {
				t.Error(err)
			}
		})
	}
}

// untilTheEnd makes calls until their deadline, and again until Close.
func untilTheEnd(t *testing.T, conn net.Conn, calls []func(net.Conn) error) {
	if err := conn.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Error(err)
	}
	for _, err := range together(t, conn, calls, nil) {
		if !isOneOf(err, netEnds) {
			t.Errorf("%v: of no type", err)
		}
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		t.Error(err)
	}
	for _, err := range together(t, conn, calls, conn.Close) {
		if !isOneOf(err, append(netEnds[1:], net.ErrClosed)) {
			t.Errorf("%v: of no type, or of a deadline that there is not", err)
		}
	}
}

// together makes calls at once, and another while they go on.
func together(t *testing.T, conn net.Conn, calls []func(net.Conn) error, meanwhile func() error) (errs []error) {
	t.Helper()
	var all []*kithtest.Call
	for _, call := range calls {
		all = append(all, kithtest.Go(func() error { return call(conn) }))
	}
	if meanwhile != nil {
		if err := kithtest.Go(meanwhile).Wait(); err != nil {
			t.Error(err)
		}
	}
	for _, call := range all {
		errs = append(errs, call.Wait())
	}
	return errs
}

func readAll(conn net.Conn) (err error) {
	for p := make([]byte, 100); err == nil; {
		_, err = conn.Read(p)
	}
	return err
}

func writeAll(conn net.Conn) (err error) {
	for p := make([]byte, 100<<10); err == nil; {
		_, err = conn.Write(p)
	}
	return err
}

// writeTo ends without an error at the peer's end.
func writeTo(conn net.Conn) error {
	if _, err := conn.(io.WriterTo).WriteTo(io.Discard); err != nil {
		return err
	}
	return io.EOF
}

func isOneOf(err error, all []error) bool {
	for _, one := range all {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}
