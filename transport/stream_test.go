package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/kithtest"
	"kith/ring"
	"kith/sock"
)

// onSocket is a stream over a byte socket, whose other end is in our hands.
func onSocket(t *testing.T, limit int) (*stream, *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	s := newStream(&byteLink{in: ours, out: ours}, driver.Address{Scheme: "test"}, welcome{limit: limit, ownLimit: limit})
	t.Cleanup(func() { _ = s.Close(); sock.CloseAll([]*os.File{theirs}) })
	return s, theirs
}

func give(t *testing.T, peer io.Writer, bytes []byte) {
	t.Helper()
	if _, err := peer.Write(bytes); err != nil {
		t.Fatal(err)
	}
}

// A Receive whose context ends after any number of bytes is taken up by the
// next: nothing is lost or read twice.
func TestReceiveCancelledAtEveryByte(t *testing.T) {
	s, peer := onSocket(t, 1<<20)
	for _, body := range [][]byte{nil, patterned(1, 20)} {
		stream := record(ring.Message, body)
		for cut := range len(stream) {
			ctx, cancel := context.WithCancel(t.Context())
			give(t, peer, stream[:cut])
			call := kithtest.Go(func() error { _, err := s.Receive(ctx); return err })
			if err := call.Parked(); err != nil {
				t.Fatal(err)
			}
			cancel()
			if err := call.Wait(); !errors.Is(err, context.Canceled) {
				t.Fatalf("cancelled at byte %d: %v", cut, err)
			}
			give(t, peer, stream[cut:])
			if got, err := s.Receive(t.Context()); err != nil || !bytes.Equal(got, body) {
				t.Fatalf("after a cut at byte %d: %d bytes, %v", cut, len(got), err)
			}
		}
	}
}

// The same in the middle of a message larger than the buffer.
func TestReceiveCancelledInALargeMessage(t *testing.T) {
	s, peer := onSocket(t, 1<<20)
	body := patterned(1, 100<<10)
	stream := record(ring.Message, body)
	for at := 0; at < len(stream); at += 17 << 10 {
		ctx, cancel := context.WithCancel(t.Context())
		call := kithtest.Go(func() error { _, err := s.Receive(ctx); return err })
		if err := call.Parked(); err != nil {
			t.Fatal(err)
		}
		piece := stream[at:min(len(stream), at+17<<10)]
		if at+len(piece) == len(stream) {
			piece = piece[:len(piece)-1] // keep the last byte back
		}
		give(t, peer, piece)
		if err := call.Parked(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := call.Wait(); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at %d: %v", at, err)
		}
	}
	give(t, peer, stream[len(stream)-1:])
	if got, err := s.Receive(t.Context()); err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// However the peer's stream ends, it stays so.
func TestStreamEnds(t *testing.T) {
	message := record(ring.Message, []byte("x"))
	for name, test := range map[string]struct {
		bytes []byte
		want  error
	}{
		"goodbye":             {record(ring.Goodbye, nil), io.EOF},
		"nothing":             {nil, driver.ErrPeerDied},
		"in a header":         {message[:5], driver.ErrPeerDied},
		"before a body":       {message[:8], driver.ErrPeerDied},
		"an unknown kind":     {record(9, nil), driver.ErrProtocol},
		"a piece":             {record(ring.More, []byte("x")), driver.ErrProtocol},
		"over the limit":      {record(ring.Message, make([]byte, 101)), driver.ErrProtocol},
		"zeros":               {make([]byte, 64), driver.ErrProtocol},
		"a goodbye with body": {record(ring.Goodbye, []byte("x")), driver.ErrProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := onSocket(t, 100)
			give(t, peer, message)
			give(t, peer, test.bytes)
			_ = peer.Close()
			if got, err := s.Receive(t.Context()); string(got) != "x" || err != nil {
				t.Fatalf("what was sent before: %q, %v", got, err)
			}
			for range 2 {
				if _, err := s.Receive(t.Context()); !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
			}
		})
	}
}

// A second call of a kind is told so, and does the first no harm.
func TestStreamOneOfAKind(t *testing.T) {
	s, peer := onSocket(t, 16<<20)
	receive := kithtest.Go(func() error { _, err := s.Receive(t.Context()); return err })
	send := kithtest.Go(func() error { return s.Send(t.Context(), make([]byte, 16<<20)) })
	if err := errors.Join(receive.Parked(), send.Parked()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(t.Context()); !errors.Is(err, driver.ErrConcurrent) {
		t.Errorf("a second Receive: %v", err)
	}
	if err := s.Send(t.Context(), nil); !errors.Is(err, driver.ErrConcurrent) {
		t.Errorf("a second Send: %v", err)
	}
	if err := s.CloseSend(); !errors.Is(err, driver.ErrConcurrent) {
		t.Errorf("CloseSend under a Send: %v", err)
	}
	give(t, peer, record(ring.Message, nil))
	if err := receive.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(peer, make([]byte, 8+16<<20)); err != nil {
		t.Fatal(err)
	}
	if err := send.Wait(); err != nil {
		t.Error(err)
	}
}

// A Send cut off in the middle breaks the sending half alone.
func TestSendCutOff(t *testing.T) {
	s, peer := onSocket(t, 16<<20)
	ctx, cancel := context.WithCancel(t.Context())
	send := kithtest.Go(func() error { return s.Send(ctx, make([]byte, 16<<20)) })
	if err := send.Parked(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := send.Wait(); !errors.Is(err, driver.ErrBroken) || !errors.Is(err, context.Canceled) {
		t.Errorf("cut off: %v", err)
	}
	if err := s.Send(t.Context(), nil); !errors.Is(err, driver.ErrBroken) {
		t.Errorf("afterwards: %v", err)
	}
	if err := s.CloseSend(); !errors.Is(err, driver.ErrBroken) {
		t.Errorf("CloseSend afterwards: %v", err)
	}
	give(t, peer, record(ring.Message, []byte("still")))
	if got, err := s.Receive(t.Context()); string(got) != "still" || err != nil {
		t.Errorf("received %q, %v", got, err)
	}
}

func TestCloseUnderCalls(t *testing.T) {
	s, _ := onSocket(t, 16<<20)
	receive := kithtest.Go(func() error { _, err := s.Receive(t.Context()); return err })
	send := kithtest.Go(func() error { return s.Send(t.Context(), make([]byte, 16<<20)) })
	if err := errors.Join(receive.Parked(), send.Parked()); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	for name, call := range map[string]*kithtest.Call{"Receive": receive, "Send": send} {
		if err := call.Wait(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := s.Receive(t.Context())
	for name, err := range map[string]error{"Receive": err, "Send": s.Send(t.Context(), nil), "CloseSend": s.CloseSend()} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}
