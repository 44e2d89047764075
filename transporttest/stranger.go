package transporttest

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"kith"
	"kith/driver"
	"kith/internal/kithtest"
)

// In these cases somebody who does not speak kith is at the other end of a
// socket.
var strangerCases = []testCase{
	{name: "stranger/silent dialers", meets: true, strangers: true, near: serveSilent, far: askAndTell},
	{name: "stranger/dialers with garbage", meets: true, strangers: true, near: serveGarbage, far: askAndTell},
	{name: "stranger/silent listener", meets: true, strangers: true, near: dialSilent, far: nothing},
	{name: "stranger/listener with garbage", meets: true, strangers: true, near: dialGarbage, far: nothing},
}

// garbage is longer than any hello.
var garbage = []byte(strings.Repeat("GET / HTTP/1.1\r\nHost: nobody\r\n\r\n", 64))

// serveSilent has dialers that say nothing: they delay nobody.
func serveSilent(s *side) error { return s.serveWith(nil) }

func serveGarbage(s *side) error { return s.serveWith(garbage) }

func (s *side) serveWith(words []byte) error {
	served, err := s.serve(s.address)
	if err != nil {
		return err
	}
	strangers, err := dialRaw(served.Addr(), words)
	if err != nil {
		return err
	}
	err = steps(
		func() error { return s.tell(served.Addr()) }, // far dials behind them
		func() error { return s.ask(served.Addr()) },
		func() error { return s.await("asked") },
	)
	for _, stranger := range strangers {
		_ = stranger.Close()
	}
	return errors.Join(err, served.stop())
}

func askAndTell(s *side) error {
	return steps(func() error { return askOnce(s) }, func() error { return s.tell("asked") })
}

// dialRaw connects to the listener's socket a few times, and says the words.
func dialRaw(address string, words []byte) ([]net.Conn, error) {
	network, name := socketOf(address)
	var all []net.Conn
	for range 5 {
		conn, err := net.Dial(network, name)
		if err != nil {
			return nil, err
		}
		_, _ = conn.Write(words) // the listener may hang up in the middle
		all = append(all, conn)
	}
	return all, nil
}

// socketOf is the kind of socket that listens at the address, and its name;
// "" where none does.
func socketOf(address string) (network, name string) {
	a, err := driver.ParseAddress(address)
	if err != nil {
		return "", ""
	}
	for _, network := range []string{"unix", "unixpacket", "tcp"} {
		if conn, err := net.Dial(network, a.Name); err == nil {
			_ = conn.Close()
			return network, a.Name
		}
	}
	return "", ""
}

// hasSocket tells whether a listener's name is that of a socket.
func hasSocket(t testing.TB, address string) bool {
	t.Helper()
	listener, err := kith.Listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	network, _ := socketOf(listener.Addr())
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	return network != ""
}

// standIn listens in place of kith, at a socket of the same kind.
func (s *side) standIn() (net.Listener, error) {
	listener, err := kith.Listen(s, s.address)
	if err != nil {
		return nil, err
	}
	network, name := socketOf(listener.Addr())
	s.address = renamed(s.address, listener.Addr())
	if err := listener.Close(); err != nil {
		return nil, err
	}
	return net.Listen(network, name)
}

// dialSilent dials one who says nothing, until it gives up.
func dialSilent(s *side) error {
	listener, err := s.standIn()
	if err != nil {
		return err
	}
	dial := func(ctx context.Context) error { _, err := kith.Dial(ctx, s.address); return err }
	err = errors.Join(s.cancelled("dial", dial), s.expired("dial", dial))
	return errors.Join(err, listener.Close())
}

// dialGarbage dials one who says something else.
func dialGarbage(s *side) error {
	listener, err := s.standIn()
	if err != nil {
		return err
	}
	talking := kithtest.Go(func() error {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		_, _ = conn.Write(garbage)
		_, _ = conn.Read(make([]byte, 1)) // and waits to be left
		return conn.Close()
	})
	_, err = kith.Dial(s, s.address)
	err = failure("dial", err, kith.ErrProtocol)
	return errors.Join(err, talking.Wait(), listener.Close())
}
