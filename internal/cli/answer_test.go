package cli

import (
	"errors"
	"io"
	"strings"
	"testing"

	"kith"
)

// The receiver here is this test: it answers what no `kith recv` would.
func TestSendDistrustsAnswer(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(*kith.Conn) error
		want   string
	}{
		{"complaint", say(t, "disk\x1b[2J full\nkith: all is well"), `the receiver failed: disk\x1b[2J full\nkith: all is well`},
		{"data", say(t, "\xff\xfe"), "the peer sends data instead of an answer"},
		{"long", say(t, strings.Repeat("a", maxComplaint+1)), "the peer sends data instead of an answer"},
		{"close", (*kith.Conn).Close, "the receiver closed before it had everything"},
	} {
		t.Run(test.name, func(t *testing.T) {
			everyTransport(t, func(t *testing.T, address string) {
				p := newPlace(t)
				t.Setenv("KITH_DIR", p.names)
				listener, err := kith.Listen(t.Context(), address)
				if err != nil {
					t.Fatal(err)
				}
				defer listener.Close()
				s := p.start([]string{"send", listener.Addr(), "/dev/zero"})
				conn, err := listener.Accept(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if err := test.answer(conn); err != nil {
					t.Fatal(err)
				}
				s.expect(exitFailed, test.want)
			})
		})
	}
}

func say(t *testing.T, text string) func(*kith.Conn) error {
	return func(conn *kith.Conn) error { return conn.Send(t.Context(), []byte(text)) }
}

// The goodbye of a receiver means that its output is in place.
func TestRecvConfirms(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		t.Setenv("KITH_DIR", p.names)
		r := p.start([]string{"recv", address, "out"})
		conn, err := kith.Dial(t.Context(), r.listening())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, part := range []string{"one", "", " two"} {
			if err := conn.Send(t.Context(), []byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		if left := list(t, p.files); len(left) > 0 {
			t.Errorf("files before the goodbye: %q", left)
		}
		if err := conn.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if got, err := conn.Receive(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("got %q, %v, want the goodbye", got, err)
		}
		p.wantFile("out", []byte("one two"))
		p.wantLeft("out")
		r.expect(exitDone, "")
	})
}
