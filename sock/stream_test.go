package sock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sock"
)

// Descriptors come with the bytes they were sent with: a Receive may begin before
// those, and ends with them.
func TestStreamBindsFilesToBytes(t *testing.T) {
	a, b := pair(t, sock.Stream)
	send(t, a, "before ")
	send(t, a, "first ", holding(t, "1")...)
	send(t, a, "second ", holding(t, "2", "3")...)
	send(t, a, "after")
	for _, want := range []struct {
		text, files string
		count       int
	}{{"before first ", "1", 1}, {"second ", "2 3", 2}, {"after", "", 0}} {
		got, m := receive(t, b, want.count)
		if words := words(t, m.Files); got != want.text || words != want.files {
			t.Errorf("%q with %q, want %q with %q", got, words, want.text, want.files)
		}
	}
}

// Those who read less than was sent have the descriptors with the first of it.
func TestStreamFilesComeWithTheFirstByte(t *testing.T) {
	a, b := pair(t, sock.Stream)
	send(t, a, "ab", holding(t, "1")...)
	send(t, a, "c", holding(t, "2")...)
	for i, want := range []string{"1", "", "2"} {
		buffer := make([]byte, 1)
		m, err := b.Receive(t.Context(), buffer, sock.AtMost(2))
		if err != nil || buffer[0] != "abc"[i] || words(t, m.Files) != want {
			t.Errorf("byte %d: %q, %v, %v", i, buffer, m, err)
		}
		m.Close()
	}
}

// What comes in many pieces comes with its descriptors once.
func TestLongStreamMessage(t *testing.T) {
	a, b := pair(t, sock.Stream)
	long := make([]byte, 4<<20)
	sending := kithtest.Go(func() error { return a.Send(t.Context(), long, holding(t, "gift")...) })
	received, files := 0, []*os.File(nil)
	for buffer := make([]byte, 100_000); received < len(long); {
		m, err := b.Receive(t.Context(), buffer, sock.AtMost(1))
		if err != nil {
			t.Fatal(err)
		}
		received, files = received+m.N, append(files, m.Files...)
	}
	if err := sending.Wait(); err != nil || received != len(long) || len(files) != 1 || words(t, files) != "gift" {
		t.Errorf("%d bytes, %d files, %v", received, len(files), err)
	}
	sock.CloseAll(files)
}

func TestStreamNeedsBytes(t *testing.T) {
	a, b := pair(t, sock.Stream)
	wants(t, a.Send(t.Context(), nil, os.Stdin), unix.EINVAL)
	_, err := b.Receive(t.Context(), nil, sock.AtMost(1))
	wants(t, err, unix.EINVAL)
	send(t, a, "") // which is nothing
	_, err = b.TryReceive(make([]byte, 1), sock.AtMost(1))
	wants(t, err, sock.ErrEmpty)
}

// A cancelled Send says how far it came, and the receiver has exactly that.
func TestPartialSend(t *testing.T) {
	for _, try := range []bool{false, true} {
		a, b := pair(t, sock.Stream)
		ctx, cancel := context.WithCancelCause(t.Context())
		sending := kithtest.Go(func() error {
			if try {
				return a.TrySend(make([]byte, 4<<20))
			}
			return a.Send(ctx, make([]byte, 4<<20))
		})
		want := sock.ErrFull
		if !try {
			want = errEnough
			if err := sending.Parked(); err != nil {
				t.Fatal(err)
			}
			waiting := kithtest.Go(func() error { return a.Send(ctx, []byte("x")) })
			if err := waiting.Parked(); err != nil {
				t.Fatal(err)
			}
			wants(t, a.TrySend([]byte("x")), sock.ErrFull) // not into the midst of it
			defer func() { wants(t, waiting.Wait(), errEnough) }()
		}
		cancel(errEnough)
		err := sending.Wait()
		wants(t, err, want)
		var partial *sock.PartialError
		if !errors.As(err, &partial) {
			t.Fatal(err)
		}
		if err := a.CloseSend(); err != nil {
			t.Fatal(err)
		}
		received := 0
		for buffer := make([]byte, 1<<20); ; {
			m, err := b.Receive(t.Context(), buffer, sock.Exactly(0))
			if received += m.N; err != nil {
				break
			}
		}
		if partial.Sent != received || received == 0 {
			t.Errorf("%d bytes were received, %d sent", received, partial.Sent)
		}
	}
}

// Many send at once, and nothing is mixed.
func TestStreamSendersDoNotMix(t *testing.T) {
	a, b := pair(t, sock.Stream)
	const senders, times, size = 8, 20, 100_000
	calls := make([]*kithtest.Call, senders)
	for i := range calls {
		calls[i] = kithtest.Go(func() error {
			for range times {
				if err := a.Send(t.Context(), bytes.Repeat([]byte{byte('a' + i)}, size)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	buffer := make([]byte, size)
	for round := range senders * times {
		for n := 0; n < size; {
			m, err := b.Receive(t.Context(), buffer[n:], sock.Exactly(0))
			if err != nil {
				t.Fatal(err)
			}
			n += m.N
		}
		if !bytes.Equal(buffer, bytes.Repeat(buffer[:1], size)) {
			t.Fatal(fmt.Errorf("message %d is mixed of several", round))
		}
	}
	for _, call := range calls {
		if err := call.Wait(); err != nil {
			t.Error(err)
		}
	}
}
