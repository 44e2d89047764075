package transport_test

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
	"kith/internal/rendezvous"
	"kith/ring"
)

var streams = []string{"unix", "unixpacket", "tcp", "fifo"}

// each runs a test over every transport that carries a stream.
func each(t *testing.T, test func(t *testing.T, scheme string)) {
	for _, scheme := range streams {
		t.Run(scheme, func(t *testing.T) { test(t, scheme) })
	}
}

// header is that of a record, as it travels.
func header(kind uint8, length uint64) []byte {
	h := uint64(kind)<<56 | length
	text := make([]byte, ring.HeaderSize)
	for i := range text {
		text[i] = byte(h >> (8 * i))
	}
	return text
}

var padding = strings.Repeat("x", 64)

// noHello are first words that are none of kith's, or of none that we can talk to.
var noHello = []struct {
	name  string
	words []byte
	want  error
}{
	{"garbage", []byte(strings.Repeat("\xff\x00", 64)), kith.ErrProtocol},
	{"HTTP", []byte("GET / HTTP/1.1\r\nHost: nobody\r\n\r\n" + padding), kith.ErrProtocol},
	{"zeros", make([]byte, 64), kith.ErrProtocol},
	{"version 9", hello(func(h *rendezvous.Hello) { h.Oldest, h.Newest = 9, 9 }), kith.ErrVersion},
	{"version 0", hello(func(h *rendezvous.Hello) { h.Oldest, h.Newest = 0, 0 }), kith.ErrVersion},
	{"byte order", hello(func(h *rendezvous.Hello) { h.Order = 3 - h.Order }), kith.ErrVersion},
	{"form", hello(func(h *rendezvous.Hello) { h.Form = rendezvous.Shared }), kith.ErrProtocol},
	{"no limit", hello(func(h *rendezvous.Hello) { h.Limit = 0 }), kith.ErrProtocol},
	{"limit of 2^63", hello(func(h *rendezvous.Hello) { h.Limit = 1 << 63 }), kith.ErrProtocol},
	{"packets of 2^63", hello(func(h *rendezvous.Hello) { h.Packet = 1 << 63 }), kith.ErrProtocol},
	{"refusal", rendezvous.Refuse(rendezvous.Stream, unix.EACCES).Bytes(), os.ErrPermission},
	{"a refusal that sounds like our own", rendezvous.Refuse(rendezvous.Stream, unix.EMFILE).Bytes(), unix.EMFILE},
	{"half a hello, and dies", hello()[:32], kith.ErrProtocol},
	{"nothing, and dies", nil, kith.ErrProtocol},
}

// Who dials such a listener is told by a typed error which names the address.
func TestHostileListener(t *testing.T) {
	for _, c := range noHello {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, scheme string) {
				stranger, addr := start(t, "stranger listens", named(t, scheme))
				before := kithtest.Hold()
				dialling := kithtest.Go(func() error {
					conn, err := kith.Dial(t.Context(), addr)
					if err == nil {
						_ = conn.Close()
					}
					return err
				})
				said := stranger.read(t, rendezvous.HelloSize)
				if len(c.words) > 0 {
					stranger.say(t, c.words)
				}
				want := c.want
				if len(c.words) < rendezvous.HelloSize {
					want = kith.ErrNoListener
					stranger.Kill()
				}
				if err := dialling.Wait(); !errors.Is(err, want) || !strings.Contains(err.Error(), addr) {
					t.Errorf("%v, want %q with %s", err, want, addr)
				}
				if _, err := rendezvous.ParseHello(said, rendezvous.Stream); err != nil {
					t.Errorf("the listener heard no hello: %v", err)
				}
				if err := before.Left(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Such a dialer harms nobody: the listener takes the next one. It is told which
// version is spoken here.
func TestHostileDialer(t *testing.T) {
	each(t, func(t *testing.T, scheme string) {
		before := kithtest.Hold()
		listener, err := kith.Listen(t.Context(), named(t, scheme))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range noHello {
			stranger, _ := start(t, "stranger dials", listener.Addr())
			if len(c.words) > 0 {
				stranger.say(t, c.words)
			}
			if errors.Is(c.want, kith.ErrVersion) {
				h, err := rendezvous.ParseHello(stranger.read(t, rendezvous.HelloSize), rendezvous.Stream)
				if err != nil || h.Newest != rendezvous.Version {
					t.Errorf("%s was told %+v, %v", c.name, h, err)
				}
			}
			stranger.Kill()
		}
		honest(t, listener)
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		if err := before.Left(); err != nil {
			t.Error(err)
		}
	})
}

// honest dials the listener, and has a message carried.
func honest(t *testing.T, listener *kith.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	dialling := kithtest.Go(func() error {
		conn, err := kith.Dial(ctx, listener.Addr())
		if err != nil {
			cancel(err)
			return err
		}
		return errors.Join(conn.Send(ctx, []byte("honest")), conn.Close())
	})
	conn, err := listener.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := conn.Receive(ctx); string(msg) != "honest" || err != nil {
		t.Errorf("%q, %v", msg, err)
	}
	if err := errors.Join(conn.Close(), dialling.Wait()); err != nil {
		t.Error(err)
	}
}

// joined is a conn to a stranger that has said a good hello.
func joined(t *testing.T, scheme, limit string) (*kith.Conn, stranger) {
	t.Helper()
	listener, err := kith.Listen(t.Context(), named(t, scheme)+"?limit="+limit)
	if err != nil {
		t.Fatal(err)
	}
	addr, _, _ := strings.Cut(listener.Addr(), "?")
	stranger, _ := start(t, "stranger dials", addr)
	stranger.say(t, hello())
	conn, err := listener.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stranger.read(t, rendezvous.HelloSize)
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	return conn, stranger
}

// wrongRecords are what follows a good hello. Those without an end are followed
// by a death.
var wrongRecords = []struct {
	name  string
	words []byte
	want  error
}{
	{"unknown kind", header(4, 1), kith.ErrProtocol},
	{"kind 0", header(0, 1), kith.ErrProtocol},
	{"a piece", append(header(ring.More, 1), 'x'), kith.ErrProtocol},
	{"a goodbye with a body", append(header(ring.Goodbye, 1), 'x'), kith.ErrProtocol},
	{"over the limit", header(ring.Message, 1<<20+1), kith.ErrProtocol},
	{"length of 2^55", header(ring.Message, 1<<55), kith.ErrProtocol},
	{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), kith.ErrProtocol},
	{"nothing", nil, kith.ErrPeerDied},
	{"half a header", header(ring.Message, 1)[:4], kith.ErrPeerDied},
	{"a header alone", header(ring.Message, 1), kith.ErrPeerDied},
	{"half a message", append(header(ring.Message, 100), "half"...), kith.ErrPeerDied},
	{"half a large message", append(header(ring.Message, 1<<20), make([]byte, 10_000)...), kith.ErrPeerDied},
	{"half a goodbye", header(ring.Goodbye, 0)[:7], kith.ErrPeerDied},
}

func TestWrongRecords(t *testing.T) {
	for _, c := range wrongRecords {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, scheme string) {
				before := kithtest.Hold()
				conn, stranger := joined(t, scheme, "1m")
				stranger.say(t, append(append(header(ring.Message, 4), "good"...), c.words...))
				if errors.Is(c.want, kith.ErrPeerDied) {
					stranger.Kill()
				}
				if msg, err := conn.Receive(t.Context()); string(msg) != "good" || err != nil {
					t.Errorf("what came before: %q, %v", msg, err)
				}
				for range 2 { // it stays
					if _, err := conn.Receive(t.Context()); !errors.Is(err, c.want) || !strings.Contains(err.Error(), conn.Addr()) {
						t.Errorf("%v, want %q with the address", err, c.want)
					}
				}
				stranger.Kill()
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
				if err := before.Left(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What a peer declares takes no memory: only what it sends does.
func TestHugeLengthThenSilence(t *testing.T) {
	each(t, func(t *testing.T, scheme string) {
		conn, stranger := joined(t, scheme, "1g")
		stranger.say(t, append(header(ring.Message, 1<<30), "little"...))
		ctx, cancel := context.WithCancel(t.Context())
		was := allocated()
		call := kithtest.Go(func() error { _, err := conn.Receive(ctx); return err })
		if err := call.Parked(); err != nil {
			t.Error(err)
		}
		if now := allocated(); now-was > 32<<20 {
			t.Errorf("%d bytes were allocated for a declared length", now-was)
		}
		cancel()
		if err := call.Wait(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		stranger.Kill()
		if _, err := conn.Receive(t.Context()); !errors.Is(err, kith.ErrPeerDied) {
			t.Errorf("%v, want ErrPeerDied", err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

// A goodbye is a goodbye: what comes after it is not read.
func TestWordsAfterGoodbye(t *testing.T) {
	each(t, func(t *testing.T, scheme string) {
		conn, stranger := joined(t, scheme, "1m")
		stranger.say(t, slices.Concat(header(ring.Goodbye, 0), header(ring.Message, 1), []byte("x")))
		for range 2 {
			if _, err := conn.Receive(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("%v, want EOF", err)
			}
		}
		stranger.end()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The other end of an inherited descriptor is hostile just the same.
func TestHostileDescriptor(t *testing.T) {
	for _, c := range noHello {
		t.Run(c.name, func(t *testing.T) {
			number, theirs := childSocket(t)
			before := kithtest.Hold()
			child := kithtest.Command(t, "stranger child")
			child.Cmd.ExtraFiles = []*os.File{theirs}
			stranger := stranger{child.Start()}
			if err := theirs.Close(); err != nil {
				t.Fatal(err)
			}
			addr := "fd:" + strconv.Itoa(number)
			dialling := kithtest.Go(func() error { _, err := kith.Dial(t.Context(), addr); return err })
			stranger.read(t, rendezvous.HelloSize)
			if len(c.words) > 0 {
				stranger.say(t, c.words)
			}
			if len(c.words) < rendezvous.HelloSize {
				stranger.Kill()
			}
			if err := dialling.Wait(); !errors.Is(err, c.want) || !strings.Contains(err.Error(), addr) {
				t.Errorf("%v, want %q with %s", err, c.want, addr)
			}
			stranger.Kill()
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}
