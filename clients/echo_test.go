package clients

import (
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

const echo = "c/echo.c"

// Both roles of the example, against each other and against Go.
func TestEcho(t *testing.T) {
	path := filepath.Join(alone(t), "x")
	server := kithtest.C(t, echo, "serve", path).Start()
	conn := dialSoon(t, server, path)
	check(t, send(t, conn, 3, 10))
	check(t, receive(t, conn, 3, 10))
	check(t, conn.Close())

	dialer := exec.Command(kithtest.Compile(t, echo), "dial", path)
	dialer.Stdin = strings.NewReader("one\n\nthree")
	if said, err := dialer.CombinedOutput(); err != nil || string(said) != "one\n\nthree\n" {
		t.Errorf("%q, %v", said, err)
	}
	server.Kill()
	if said, err := exec.Command(dialer.Path, "dial", path).CombinedOutput(); err == nil || !strings.Contains(string(said), "Connection refused") {
		t.Errorf("%q, %v", said, err)
	}

	l, err := kith.Listen(t.Context(), "shm:"+path) // in place of the dead one
	check(t, err)
	defer l.Close()
	if server := exec.Command(dialer.Path, "serve", path).Run(); server == nil {
		t.Error("two serve at once")
	}
	c := kithtest.C(t, echo, "dial", path).Start()
	conn, err = l.Accept(t.Context())
	check(t, err)
	for _, word := range []string{"to", "and", "fro"} {
		check(t, c.Say(word))
		got, err := conn.Receive(t.Context())
		check(t, errors.Join(err, conn.Send(t.Context(), got)))
		if back, err := c.Hear(); back != word || err != nil {
			t.Errorf("%q came back as %q, %v", word, back, err)
		}
	}
	c.Kill()
	if _, err := conn.Receive(t.Context()); !errors.Is(err, kith.ErrPeerDied) || errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// dialSoon dials until somebody listens.
func dialSoon(t *testing.T, server *kithtest.Child, path string) *kith.Conn {
	t.Helper()
	for {
		conn, err := kith.Dial(t.Context(), "shm:"+path)
		if err == nil {
			return conn
		}
		select {
		case <-server.Ended():
			t.Fatal("the server ended")
		default:
		}
		if !errors.Is(err, kith.ErrNoListener) {
			t.Fatal(err)
		}
	}
}
