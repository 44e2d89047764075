// Package clients has only tests: of the C peer (c/kith.h) against Go, each in a
// process of its own.
package clients

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// TestMain opens what gcc will read: so go test does not take an old result for that of a
// source which has changed.
func TestMain(m *testing.M) {
	for _, source := range []string{"c/kith.h", echo, program} {
		if _, err := os.ReadFile(source); err != nil {
			panic(err)
		}
	}
	kithtest.Main(m)
}

const program = "testdata/peer.c"

// compile compiles the peer, with further flags such as a sanitizer.
func compile(t *testing.T, flags ...string) string {
	t.Helper()
	if len(flags) == 0 {
		return kithtest.Compile(t, program)
	}
	kithtest.Need(t, "gcc")
	path := filepath.Join(t.TempDir(), "peer")
	args := append([]string{"-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror", "-pthread", "-o", path, program}, flags...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc %q: %v\n%s", flags, err, out)
	}
	return path
}

// A peer is the C program at the other end of a connection.
type peer struct {
	*kithtest.Child
	t *testing.T
}

// settings are what the C side says of itself: bytes of its ring, its limit, and how
// often it looks before it parks.
type settings struct{ ring, limit, spin int }

func (s settings) args(role, path string) []string {
	return []string{role, path, fmt.Sprint(s.ring), fmt.Sprint(s.limit), fmt.Sprint(s.spin)}
}

// do gives an order, which is to be answered with this.
func (p peer) do(want, format string, args ...any) {
	p.t.Helper()
	p.order(format, args...)
	p.hears(want)
}

func (p peer) order(format string, args ...any) {
	p.t.Helper()
	if err := p.Say(fmt.Sprintf(format, args...)); err != nil {
		p.t.Fatal(err)
	}
}

func (p peer) hears(want string) {
	p.t.Helper()
	if got, err := p.Hear(); got != want || err != nil {
		p.t.Fatalf("the peer said %q, %v; want %q", got, err, want)
	}
}

// alone is a directory with a short path.
func alone(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}

// roles are who dials: the first test of either program is that both work.
var roles = []string{"dial", "listen"}

// meet joins the C program in its role to this process.
func meet(t *testing.T, binary, role string, s settings, query string) (peer, *kith.Conn) {
	t.Helper()
	path := filepath.Join(alone(t), "x")
	c := peer{kithtest.Peer(t, exec.Command(binary, s.args(role, path)...)), t}
	conn, err := join(t.Context(), c, role, "shm:"+path+query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return c, conn
}

func join(ctx context.Context, c peer, role, address string) (*kith.Conn, error) {
	c.t.Helper()
	if role == "listen" {
		c.Start()
		c.hears("listening")
		conn, err := kith.Dial(ctx, address)
		c.hears("ok")
		return conn, err
	}
	l, err := kith.Listen(ctx, address)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	c.Start()
	c.hears("ok")
	return l.Accept(ctx)
}

// message is the peer's message of that number and size.
func message(number, size int) []byte {
	m := make([]byte, size)
	for j := range m {
		m[j] = byte(number + j + j/251)
	}
	return m
}

func send(t *testing.T, conn *kith.Conn, count, size int) error {
	for i := range count {
		if err := conn.Send(t.Context(), message(i, size)); err != nil {
			return fmt.Errorf("message %d of %d bytes: %w", i, size, err)
		}
	}
	return nil
}

func receive(t *testing.T, conn *kith.Conn, count, size int) error {
	for i := range count {
		got, err := conn.Receive(t.Context())
		if err == nil && string(got) != string(message(i, size)) {
			err = errors.New("it was changed")
		}
		if err != nil {
			return fmt.Errorf("message %d of %d bytes: %w", i, size, err)
		}
	}
	return nil
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const ring = 64 << 10

// sizes are those at which something changes, in bytes.
var sizes = []int{0, 1, 7, 8, 9, 63, 64, 4096, ring/4 - 1, ring / 4, ring/4 + 1, ring - 8, ring, 3*ring + 5, 1 << 20}

// Every size goes both ways, many times round the rings, by all the calls.
func TestMessages(t *testing.T) {
	for name, flags := range map[string][]string{
		"plain":      nil,
		"memory":     {"-fsanitize=address,undefined", "-fno-sanitize-recover=all"},
		"concurrent": {"-fsanitize=thread", "-Wno-tsan"},
	} {
		binary := compile(t, flags...)
		for _, role := range roles {
			t.Run(name+" "+role, func(t *testing.T) { everySize(t, binary, role) })
		}
	}
}

func everySize(t *testing.T, binary, role string) {
	c, conn := meet(t, binary, role, settings{ring, 1 << 20, 0}, "?ring=32k")
	for _, size := range sizes {
		count := max(3, 2*ring/(size+8))
		for _, verb := range []string{"send", "add", "place"} {
			if verb == "place" && size > ring/4 {
				continue
			}
			c.order("%s %d %d", verb, count, size)
			check(t, receive(t, conn, count, size))
			c.hears("ok")
		}
		for _, verb := range []string{"receive", "lease"} {
			c.order("%s %d %d", verb, count, size)
			check(t, send(t, conn, count, size))
			c.hears("ok")
		}
	}
	check(t, conn.CloseSend())
	c.do("the peer closed the connection", "receive 1 0")
	c.do("ok", "goodbye")
	c.do("ok", "close")
}
