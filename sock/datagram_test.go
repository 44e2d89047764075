package sock_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/sock"
)

// Datagrams come whole, in order, with their sender's name.
func TestDatagrams(t *testing.T) {
	at, from := path(t), abstract(t)
	receiver, sender := bound(t, sock.Datagram, at), bound(t, sock.Datagram, from)
	for _, text := range []string{"one", "", strings.Repeat("x", 4096), "last"} {
		sendTo(t, sender, at, text)
		if got, m := receive(t, receiver, 0); got != text || m.From != from {
			t.Errorf("%q from %v, want %q", got, m.From, text)
		}
	}
	sendTo(t, fresh(t, sock.Datagram), at, "unnamed")
	if got, m := receive(t, receiver, 0); got != "unnamed" || m.From != "" {
		t.Errorf("%q from %q", got, m.From)
	}
	_, err := receiver.TryReceive(nil, sock.Exactly(0))
	wants(t, err, sock.ErrEmpty)
}

// A message that is longer than the buffer is lost, and its length told; so it is
// with its descriptors.
func TestTruncation(t *testing.T) {
	for _, kind := range []sock.Kind{sock.Packet, sock.Datagram} {
		a, b := pair(t, kind)
		for _, size := range []int{0, 1, 9, 10} {
			before := descriptors(t)
			send(t, a, "0123456789", os.Stdin)
			m, err := b.Receive(t.Context(), make([]byte, size), sock.Exactly(1))
			var truncated *sock.TruncatedError
			switch {
			case size == 10 && err == nil && len(m.Files) == 1:
			case size < 10 && errors.As(err, &truncated) && truncated.Size == 10 && m.N == size && m.Files == nil:
				wants(t, err, unix.EMSGSIZE)
				wants(t, err, io.ErrShortBuffer)
			default:
				t.Errorf("%v into %d bytes: %v, %v", kind, size, m, err)
			}
			m.Close()
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		}
	}
}

// The longest message is the send buffer less 32 bytes, and no longer.
func TestLongestMessage(t *testing.T) {
	for _, kind := range []sock.Kind{sock.Packet, sock.Datagram} {
		a, b := pair(t, kind)
		for _, size := range []int{0, 50_000} { // as it is, and as it is set
			if size > 0 {
				if err := a.SetSendBuffer(size); err != nil {
					t.Fatal(err)
				}
			}
			err := a.TrySend(make([]byte, 1<<24))
			if err := isLimit(err, unix.EMSGSIZE, "SO_SNDBUF - 32"); err != nil {
				t.Fatal(err)
			}
			longest := limit(err)
			if size > 0 && longest != 2*int64(size)-32 {
				t.Errorf("the longest message is %d", longest)
			}
			wants(t, a.TrySend(make([]byte, longest+1)), unix.EMSGSIZE)
			send(t, a, strings.Repeat("x", int(longest)))
			if m, err := b.Receive(t.Context(), make([]byte, longest), sock.Exactly(0)); m.N != int(longest) || err != nil {
				t.Errorf("%d bytes, %v", m.N, err)
			}
		}
	}
}

func limit(err error) int64 {
	if limit, found := errors.AsType[*ipc.LimitError](err); found {
		return limit.Max
	}
	return 0
}

// A Datagram with a peer hears nobody else, and sends to it; but what came before
// is still there.
func TestConnectedDatagram(t *testing.T) {
	one, other := abstract(t)+"1", abstract(t)+"2"
	a, b := bound(t, sock.Datagram, one), bound(t, sock.Datagram, other)
	stranger := fresh(t, sock.Datagram)
	sendTo(t, stranger, one, "before")
	if err := a.Connect(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	wants(t, stranger.SendTo(t.Context(), one, nil), unix.EPERM)
	wants(t, stranger.Connect(t.Context(), one), unix.EPERM)
	sendTo(t, b, one, "from the peer")
	if got := text(t, a) + text(t, a); got != "beforefrom the peer" {
		t.Errorf("%q", got)
	}
	send(t, a, "to the peer")
	if got, m := receive(t, b, 0); got != "to the peer" || m.From != one {
		t.Errorf("%q from %v", got, m.From)
	}
	third := bound(t, sock.Datagram, abstract(t)+"3")
	sendTo(t, a, abstract(t)+"3", "past the peer")
	if got := text(t, third); got != "past the peer" {
		t.Errorf("%q", got)
	}
	if err := a.Connect(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	wants(t, a.Send(t.Context(), nil), unix.ENOTCONN)
	sendTo(t, stranger, one, "after")
	if got := text(t, a); got != "after" {
		t.Errorf("%q", got)
	}
}

// A peer that goes: ECONNREFUSED, until it is there again and connected to anew; a
// peer that had a peer in us tells by ECONNRESET that it lost what we sent.
func TestDatagramPeerGoes(t *testing.T) {
	at := path(t)
	receiver := bound(t, sock.Datagram, at)
	sender := connected(t, sock.Datagram, at)
	send(t, sender, "lost")
	if err := receiver.Close(); err != nil {
		t.Fatal(err)
	}
	wants(t, sender.Send(t.Context(), nil), unix.ECONNREFUSED)
	wants(t, sender.Send(t.Context(), nil), unix.ENOTCONN) // the kernel has forgotten it
	receiver = bound(t, sock.Datagram, at)
	if err := sender.Connect(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	send(t, sender, "again")
	if got := text(t, receiver); got != "again" {
		t.Errorf("%q", got)
	}
}

func TestDatagramPeerTakesAnother(t *testing.T) {
	a, b := pair(t, sock.Datagram)
	other := abstract(t)
	_ = bound(t, sock.Datagram, other)
	send(t, b, "still there")
	waiting := kithtest.Go(func() error { _, err := b.Receive(t.Context(), nil, sock.Exactly(0)); return err })
	if err := waiting.Parked(); err != nil {
		t.Fatal(err)
	}
	if err := a.Connect(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	wants(t, waiting.Wait(), unix.ECONNRESET)
	wants(t, b.Send(t.Context(), nil), unix.EPERM)
}

// A Datagram that takes another peer, or none, loses what it has not received; the
// first one costs it nothing.
func TestConnectAnewLosesWhatWasSent(t *testing.T) {
	one, other := abstract(t)+"1", abstract(t)+"2"
	for _, next := range []sock.Addr{other, ""} {
		a, b := bound(t, sock.Datagram, one), bound(t, sock.Datagram, other)
		if err := errors.Join(a.Connect(t.Context(), other), b.Connect(t.Context(), one)); err != nil {
			t.Fatal(err)
		}
		send(t, b, "lost")
		if err := a.Connect(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		_, err := a.TryReceive(make([]byte, 8), sock.Exactly(0))
		if next == other { // the same again
			if err != nil {
				t.Error(err)
			}
		} else {
			wants(t, err, sock.ErrEmpty)
			_, err = b.TryReceive(make([]byte, 8), sock.Exactly(0))
			wants(t, err, unix.ECONNRESET)
		}
		_, _ = a.Close(), b.Close()
	}
}

// ECONNRESET on a Packet comes once, ahead of what is still there.
func TestResetComesFirst(t *testing.T) {
	a, b := pair(t, sock.Packet)
	send(t, a, "said before")
	send(t, b, "never received")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := b.Receive(t.Context(), nil, sock.Exactly(0))
	wants(t, err, unix.ECONNRESET)
	if got := text(t, b); got != "said before" {
		t.Errorf("%q", got)
	}
	_, err = b.Receive(t.Context(), nil, sock.Exactly(0))
	wants(t, err, io.EOF)
}

// A datagram pair knows of no end.
func TestDatagramPairHasNoEnd(t *testing.T) {
	a, b := pair(t, sock.Datagram)
	waiting := kithtest.Go(func() error { _, err := b.Receive(t.Context(), nil, sock.Exactly(0)); return err })
	if err := errors.Join(a.Close(), waiting.Parked()); err != nil {
		t.Error(err)
	}
	wants(t, b.Send(t.Context(), nil), unix.ECONNREFUSED)
	if err := waiting.Parked(); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	wants(t, waiting.Wait(), os.ErrClosed)
}

// An empty message on a Packet is no end, while the peer is there.
func TestEmptyPacket(t *testing.T) {
	a, b := pair(t, sock.Packet)
	for range 3 {
		send(t, a, "")
		send(t, a, "x")
		if got := text(t, b); got != "" {
			t.Errorf("%q", got)
		}
		if got := text(t, b); got != "x" {
			t.Errorf("%q", got)
		}
	}
	send(t, a, "", os.Stdin)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _ := receive(t, b, 1); got != "" {
		t.Errorf("%q", got)
	}
	_, err := b.Receive(t.Context(), nil, sock.Exactly(0))
	wants(t, err, io.EOF)
}
