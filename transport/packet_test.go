package transport

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ring"
	"kith/sock"
)

// packets are two ends of a socket that keeps packets apart, each of which
// sends at most largest bytes in one.
func packets(t *testing.T, largest int) (a, b *packetLink) {
	t.Helper()
	one, other, err := sock.Pair(sock.Packet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.CloseAll([]*os.File{one, other}) })
	link := func(file *os.File) *packetLink {
		return &packetLink{byteLink: byteLink{in: file, out: file}, largest: largest, coming: largest}
	}
	return link(one), link(other)
}

func write(t *testing.T, l link, kind uint8, body []byte) {
	t.Helper()
	stream := record(kind, body)
	if n, err := l.WriteRecord(stream[:ring.HeaderSize], body); n != len(stream) || err != nil {
		t.Fatalf("wrote %d of %d bytes, %v", n, len(stream), err)
	}
}

// Every size of packet, against every size of buffer: what fits is read in
// place, the rest through the spill, and the messages are the same.
func TestPacketsThroughTinyBuffers(t *testing.T) {
	for _, largest := range []int{9, 16, 17, 32, 100, 4096} {
		for _, size := range []int{8, 9, 16, 31, 33, 4096} {
			near, far := packets(t, largest)
			f := &frames{source: far, limit: 5000, size: size}
			for i := range 130 {
				length := i * i % 211
				if i%40 == 39 && largest == 4096 {
					length = 4090 + i // a gathering write; in smaller packets the socket could not hold it
				}
				body := patterned(i, length)
				write(t, near, ring.Message, body)
				kind, got, err := f.next()
				if kind != ring.Message || err != nil || !bytes.Equal(got, body) {
					t.Fatalf("packets of %d, a buffer of %d: message %d of %d bytes came as kind %d of %d, %v", largest, size, i, length, kind, len(got), err)
				}
			}
			_, _ = near.Close(), far.Close()
		}
	}
}

// Several packets wait, and are read in one order whatever the buffer.
func TestPacketsWait(t *testing.T) {
	for _, size := range []int{8, 33, 4096} {
		near, far := packets(t, 32)
		f := &frames{source: far, limit: 5000, size: size}
		for i := range 20 {
			write(t, near, ring.Message, patterned(i, 7*i))
		}
		write(t, near, ring.Goodbye, nil)
		bodies, err := drained(t, f)
		if err != nil || len(bodies) != 20 {
			t.Fatalf("a buffer of %d: %d messages, %v", size, len(bodies), err)
		}
		for i, body := range bodies {
			if !bytes.Equal(body, patterned(i, 7*i)) {
				t.Errorf("a buffer of %d: message %d is another", size, i)
			}
		}
	}
}

// How a record is cut: one packet where it fits; else the header comes alone, and
// none is larger than asked.
func TestPacketsAreCut(t *testing.T) {
	for length, want := range map[int][]int{
		0: {8}, 1: {9}, 24: {32}, 25: {8, 25}, 56: {8, 32, 24}, 64: {8, 32, 32},
	} {
		near, far := packets(t, 32)
		write(t, near, ring.Message, patterned(1, length))
		for i, size := range want {
			packet := make([]byte, 100)
			if n, err := far.in.Read(packet); n != size || err != nil {
				t.Errorf("packet %d of a record of %d bytes has %d, %v; want %d", i, length, n, err, size)
			}
		}
		if err := sys.Control(far.in, func(fd int) error { _, err := sys.ReceiveNow(fd, make([]byte, 1)); return err }); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("after a record of %d bytes: %v", length, err)
		}
	}
}

// What an interrupted read has left in the spill is there for the next.
func TestPacketSpillSurvivesADeadline(t *testing.T) {
	near, far := packets(t, 32)
	body := patterned(1, 60)
	stream := record(ring.Message, body)
	f := &frames{source: far, limit: 100, size: 8}
	if _, err := near.out.Write(stream[:32]); err != nil {
		t.Fatal(err)
	}
	_ = far.SetReadDeadline(time.Now().Add(time.Millisecond))
	for range 2 {
		if _, _, err := f.next(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
	_ = far.SetReadDeadline(time.Time{})
	for rest := stream[32:]; len(rest) > 0; rest = rest[min(32, len(rest)):] {
		if _, err := near.out.Write(rest[:min(32, len(rest))]); err != nil {
			t.Fatal(err)
		}
	}
	if kind, got, err := f.next(); kind != ring.Message || err != nil || !bytes.Equal(got, body) {
		t.Errorf("kind %d of %d bytes, %v", kind, len(got), err)
	}
}

// A peer that closes without having read everything makes the kernel report a
// reset first; what it had sent is there all the same, then the end.
func TestPacketsBehindAReset(t *testing.T) {
	for _, size := range []int{8, 4096} {
		near, far := packets(t, 64)
		write(t, far, ring.Message, []byte("never read"))
		write(t, near, ring.Message, []byte("last words"))
		write(t, near, ring.Goodbye, nil)
		_ = near.Close()
		f := &frames{source: far, limit: 100, size: size}
		kind, body, err := f.next()
		if kind != ring.Message || string(body) != "last words" || err != nil {
			t.Fatalf("a buffer of %d: %d %q, %v", size, kind, body, err)
		}
		if kind, _, err := f.next(); kind != ring.Goodbye || err != nil {
			t.Errorf("a buffer of %d: %d, %v; want the goodbye", size, kind, err)
		}
		if _, _, err := f.next(); !errors.Is(err, io.EOF) {
			t.Errorf("a buffer of %d: %v after the goodbye", size, err)
		}
	}
}

func TestTryWrite(t *testing.T) {
	near, far := packets(t, 64)
	record := record(ring.Goodbye, nil)
	sent := 0
	for {
		n, err := near.TryWrite(record)
		if errors.Is(err, unix.EAGAIN) && n == 0 {
			break
		}
		if n != len(record) || err != nil {
			t.Fatal(n, err)
		}
		sent++
	}
	for range sent {
		if n, err := far.Read(make([]byte, 64)); n != len(record) || err != nil {
			t.Fatal(n, err)
		}
	}
	_ = far.Close()
	if n, err := near.TryWrite(record); n != 0 || !errors.Is(err, unix.EPIPE) {
		t.Errorf("without a peer: %d, %v", n, err)
	}
	_ = near.Close()
	if _, err := near.TryWrite(record); err == nil {
		t.Error("a closed link was written to")
	}
}
