package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"

	"kith/driver"
	"kith/ring"
)

// record is a record as it travels.
func record(kind uint8, body []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(ring.Pack(kind, len(body)))), body...)
}

// patterned is a body that tells one message from another, and one byte from the next.
func patterned(seed, length int) []byte {
	body := make([]byte, length)
	for i := range body {
		body[i] = byte(seed*31 + i)
	}
	return body
}

// A cutReader reads data in pieces; between two pieces a read fails once, as one
// does whose deadline has passed.
type cutReader struct {
	data []byte
	cuts []int // sizes of the pieces; what is left comes in one
	fail bool  // the next read
}

func (r *cutReader) Read(p []byte) (int, error) {
	if r.fail {
		r.fail = false
		return 0, os.ErrDeadlineExceeded
	}
	piece := len(r.data)
	if len(r.cuts) > 0 {
		piece = min(piece, r.cuts[0])
	}
	n := copy(p, r.data[:piece])
	r.data = r.data[n:]
	if len(r.cuts) > 0 {
		if r.cuts[0] -= n; r.cuts[0] <= 0 {
			r.cuts, r.fail = r.cuts[1:], true
		}
	}
	if n == 0 && len(r.data) == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// drained is all that comes out, and how it ends; what interrupts is called again.
func drained(t *testing.T, f *frames) (bodies [][]byte, err error) {
	t.Helper()
	for {
		kind, body, err := f.next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case err != nil:
			return bodies, err
		case kind == ring.Goodbye:
			return bodies, nil
		default:
			bodies = append(bodies, bytes.Clone(body))
		}
	}
}

func equal(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// conversation is a stream of messages shorter than, as long as and longer than
// a buffer of 32 bytes.
func conversation() (stream []byte, bodies [][]byte) {
	for i, length := range []int{0, 1, 23, 24, 25, 0, 31, 32, 33, 100, 7, 300, 0} {
		bodies = append(bodies, patterned(i, length))
		stream = append(stream, record(ring.Message, bodies[i])...)
	}
	return append(stream, record(ring.Goodbye, nil)...), bodies
}

func TestFramesCutAtEveryByte(t *testing.T) {
	stream, want := conversation()
	for _, size := range []int{8, 9, 32, 33, 64 << 10} {
		for cut := range len(stream) {
			f := &frames{source: &cutReader{data: stream, cuts: []int{cut}, fail: cut == 0}, limit: 300, size: size}
			if got, err := drained(t, f); err != nil || !equal(got, want) {
				t.Fatalf("a buffer of %d, cut at %d: %d of %d messages, %v", size, cut, len(got), len(want), err)
			}
		}
	}
}

func TestFramesFromSlowReaders(t *testing.T) {
	stream, want := conversation()
	for name, slow := range map[string]func(io.Reader) io.Reader{
		"one byte": iotest.OneByteReader, "half": iotest.HalfReader,
	} {
		f := &frames{source: slow(bytes.NewReader(stream)), limit: 300, size: 32}
		if got, err := drained(t, f); err != nil || !equal(got, want) {
			t.Errorf("%s: %d of %d messages, %v", name, len(got), len(want), err)
		}
	}
}

// Where the stream ends too soon, that is an end, never a message.
func TestFramesEndAtEveryByte(t *testing.T) {
	stream, want := conversation()
	for end := range len(stream) {
		f := &frames{source: bytes.NewReader(stream[:end]), limit: 300, size: 32}
		got, err := drained(t, f)
		if !errors.Is(err, io.EOF) || len(got) > len(want) || !equal(got, want[:len(got)]) {
			t.Fatalf("ended at %d: %d messages, %v", end, len(got), err)
		}
	}
}

// A length that is declared allocates nothing: memory grows with what arrives.
func TestFramesDeclaredLength(t *testing.T) {
	const size = 4096
	header := binary.LittleEndian.AppendUint64(nil, uint64(ring.Pack(ring.Message, driver.MaxLimit)))
	for _, arrived := range []int{0, 1, size - 8, size, 100_000, 1 << 20} {
		f := &frames{source: bytes.NewReader(append(bytes.Clone(header), make([]byte, arrived)...)), limit: driver.MaxLimit, size: size}
		if _, _, err := f.next(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		checkMemory(t, f, arrived)
	}
	f := &frames{source: bytes.NewReader(header), limit: driver.MaxLimit - 1, size: size}
	if _, _, err := f.next(); !errors.Is(err, driver.ErrProtocol) || f.large != nil {
		t.Errorf("a length over the limit: %v", err)
	}
}

// checkMemory: the buffer, and for a large body no more than twice what has
// arrived and one step, with what the allocator rounds up.
func checkMemory(t *testing.T, f *frames, arrived int) {
	t.Helper()
	if most := 5*(arrived+f.size)/2 + 1024; cap(f.large) > most || cap(f.buffer) > f.size {
		t.Fatalf("after %d bytes it holds %d and a buffer of %d", arrived, cap(f.large), cap(f.buffer))
	}
}

func TestFramesAllocateNothing(t *testing.T) {
	var stream bytes.Buffer
	f := &frames{source: &stream, limit: 4096, size: 256}
	short, long := record(ring.Message, make([]byte, 64)), record(ring.Message, make([]byte, 4096))
	if n := testing.AllocsPerRun(1000, func() {
		stream.Write(short)
		stream.Write(long)
		for range 2 {
			if _, _, err := f.next(); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations for two messages", n)
	}
}

// understood is what a stream says, by the plainest reading of the format.
func understood(stream []byte, limit int) (bodies [][]byte, err error) {
	for len(stream) >= 8 {
		kind, length := stream[7], binary.LittleEndian.Uint64(stream)&(1<<56-1)
		switch stream = stream[8:]; {
		case kind == ring.Goodbye && length == 0:
			return bodies, nil
		case kind != ring.Message || length > uint64(limit):
			return bodies, driver.ErrProtocol
		case length > uint64(len(stream)):
			return bodies, io.EOF
		}
		bodies = append(bodies, stream[:length])
		stream = stream[length:]
	}
	return bodies, io.EOF
}

// FuzzFrames reads anything at all, cut in any way, through a small buffer.
func FuzzFrames(f *testing.F) {
	stream, _ := conversation()
	f.Add(stream, []byte{1, 2, 3, 50, 0, 100}, uint8(32))
	f.Add(stream[:len(stream)-9], []byte{}, uint8(0))
	f.Add(record(ring.More, []byte("piece")), []byte{9}, uint8(1))
	f.Add(record(0, nil), []byte{}, uint8(1))
	f.Add(binary.LittleEndian.AppendUint64(nil, uint64(ring.Pack(ring.Message, 1000))), []byte{4}, uint8(1))
	f.Add(binary.LittleEndian.AppendUint64(nil, uint64(ring.Pack(ring.Goodbye, 1))), []byte{4}, uint8(1))
	f.Fuzz(func(t *testing.T, stream, cuts []byte, size uint8) {
		const limit = 1000
		reader := &cutReader{data: stream}
		for _, cut := range cuts {
			reader.cuts = append(reader.cuts, int(cut))
		}
		f := &frames{source: reader, limit: limit, size: ring.HeaderSize + int(size)}
		got, err := drained(t, f)
		want, wantErr := understood(stream, limit)
		if !equal(got, want) || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
			t.Fatalf("%d messages, %v; want %d, %v", len(got), err, len(want), wantErr)
		}
		checkMemory(t, f, len(stream))
	})
}
