package ring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"kith/shm"
)

// A victim is one side of a connection whose peer keeps no rule: its own segment, and
// the peer's, in which any byte may be any other from one operation to the next. It is
// checked against what layout.md says, in plain numbers.
//
// Behind each of its two mappings lies a page that nobody may touch: to read or write
// beyond the end ends the test binary.
type victim struct {
	own   []byte // as we write it
	peer  []byte // as the peer writes it; we see it where it cannot be written
	seen  Segment
	said  *atomic.Uint64 // the peer's consumed
	size  int
	limit int

	producer Producer
	consumer Consumer
	lent     []byte   // by Reserve
	staged   []record // by Stage, and not published

	corrupt    error  // what it has said of its consumption was once impossible
	tail, head uint64 // of our ring: written, and believed to be read
	read, told uint64 // of the peer's ring: read, and told
	ring       []byte // what our ring holds, where it is settled
	settled    []bool
	next       Header // the header that Next was shown; 0: none
}

type record struct {
	kind uint8
	body []byte
}

// sizeOf is what records with such bodies take in a ring, in bytes.
func sizeOf(records ...record) (size uint64) {
	for _, r := range records {
		size += (8 + uint64(len(r.body)) + 7) / 8 * 8
	}
	return size
}

func newVictim(t testing.TB, size int) *victim {
	t.Helper()
	ours, theirs := memfd(t, size), memfd(t, size)
	v := &victim{own: guarded(t, ours, size, true), peer: guarded(t, theirs, size, true), size: size, limit: size / 4}
	v.seen = NewSegment(guarded(t, theirs, size, false), size)
	v.said = NewSegment(v.peer, size).Consumed
	return v
}

// begin starts anew on the same memory, of which the peer's is as it was left.
func (v *victim) begin() {
	clear(v.own[:ControlSize+v.size])
	Sign(v.own, v.size)
	own := NewSegment(v.own, v.size)
	v.producer, v.consumer = NewProducer(own, v.seen, false), NewConsumer(own, v.seen)
	v.tail, v.head, v.read, v.told, v.next, v.lent, v.staged, v.corrupt = 0, 0, 0, 0, 0, nil, nil, nil
	v.ring, v.settled = make([]byte, v.size), make([]bool, v.size)
	v.said.Store(0)
}

func memfd(t testing.TB, size int) *os.File {
	t.Helper()
	file, err := shm.Memfd("kith-ring-test", int64(ControlSize+size))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// guarded maps as sys.MapRing does, with a page behind it that cannot be touched.
func guarded(t testing.TB, file *os.File, size int, writable bool) []byte {
	t.Helper()
	length := ControlSize + 2*size
	base, err := unix.MmapPtr(-1, 0, nil, uintptr(length+os.Getpagesize()), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.MunmapPtr(base, uintptr(length+os.Getpagesize())) })
	prot := unix.PROT_READ
	if writable {
		prot |= unix.PROT_WRITE
	}
	fixed := unix.MAP_SHARED | unix.MAP_FIXED
	memory := bytesAt(base, length)
	_, first := unix.MmapPtr(int(file.Fd()), 0, base, uintptr(ControlSize+size), prot, fixed)
	_, second := unix.MmapPtr(int(file.Fd()), ControlSize, addressOf(memory[ControlSize+size:]), uintptr(size), prot, fixed)
	if err := errors.Join(first, second); err != nil {
		t.Fatal(err)
	}
	return memory
}

// mustBe is what the peer's header means by layout.md.
func (v *victim) mustBe(h Header) (kind uint8, length int, err error) {
	kind, size := uint8(h>>56), uint64(h&lengthMask)
	switch {
	case h == 0:
		return 0, 0, nil
	case kind == Goodbye && size == 0, kind == Message && size <= uint64(v.limit), kind == More && size > 0 && size <= uint64(v.limit):
		return kind, int(size), nil
	}
	return 0, 0, ErrHeader
}

// look is Next: what lies at our place in the peer's ring, within it, or an error.
func (v *victim) look(t testing.TB) {
	at := v.read & uint64(v.size-1)
	header := Header(word(v.peer, ControlSize+at).Load())
	wantKind, wantLength, wantErr := v.mustBe(header)
	kind, body, err := v.consumer.Next()
	if kind != wantKind || len(body) != wantLength || cap(body) != wantLength || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
		t.Fatalf("%#x at %d is kind %d of %d bytes (capacity %d), %v; want kind %d of %d, %v",
			uint64(header), v.read, kind, len(body), cap(body), err, wantKind, wantLength, wantErr)
	}
	if kind != 0 && !bytes.Equal(body, v.peer[ControlSize+HeaderSize+at:][:wantLength]) {
		t.Fatalf("the body at %d is not what lies there", v.read)
	}
	v.next = 0
	if kind == Message || kind == More {
		v.next = header
	}
}

// advance takes what look has found, whatever the peer has made of it since.
func (v *victim) advance(t testing.TB) {
	if v.next == 0 {
		return
	}
	_, length, _ := v.mustBe(v.next)
	v.read += (8 + uint64(length) + 7) / 8 * 8
	due := v.read-v.told >= uint64(v.size)/8
	if told := v.consumer.Advance(length); told != due {
		t.Fatalf("told: %v, with %d of %d read since", told, v.read-v.told, v.size)
	}
	v.hasTold(t, due)
	v.next = 0
}

func (v *victim) tell(t testing.TB) {
	news := v.read != v.told
	if told := v.consumer.Tell(); told != news {
		t.Fatalf("told: %v, with %d read since", told, v.read-v.told)
	}
	v.hasTold(t, news)
}

func (v *victim) hasTold(t testing.TB, told bool) {
	if told {
		v.told = v.read
	}
	if says := NewSegment(v.own, v.size).Consumed.Load(); says != v.told {
		t.Fatalf("we say that %d is read, want %d", says, v.told)
	}
}

// room is what the producer must find, by what it last believed and what is said now.
func (v *victim) room(length int) (has bool, err error) {
	need := sizeOf(v.staged...) + (8+uint64(length)+7)/8*8 + HeaderSize
	if uint64(v.size)-(v.tail-v.head) >= need {
		return true, nil // it need not ask
	}
	said := v.said.Load()
	if said < v.head || said > v.tail || said%8 != 0 {
		v.corrupt = ErrCorrupt // for good
		return false, v.corrupt
	}
	for ; v.head < said; v.head++ {
		v.settled[v.head&uint64(v.size-1)] = false
	}
	if uint64(v.size)-(v.tail-v.head) >= need {
		return true, nil
	}
	return false, v.corrupt
}

func (v *victim) write(t testing.TB, kind uint8, body []byte) {
	has, wantErr := v.room(len(body))
	written, err := v.producer.Write(kind, body)
	if written != has || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
		t.Fatalf("%d…%d taken, told %d, wrote %d bytes: %v, %v; want %v, %v", v.head, v.tail, v.said.Load(), len(body), written, err, has, wantErr)
	}
	if written {
		v.settle(t, record{kind, body})
	}
}

// stage writes a record that nobody is to see before publish.
func (v *victim) stage(t testing.TB, kind uint8, body []byte) {
	has, wantErr := v.room(len(body))
	staged, err := v.producer.Stage(kind, body)
	if staged != has || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
		t.Fatalf("%d…%d taken, told %d, staged %d bytes behind %d: %v, %v; want %v, %v", v.head, v.tail, v.said.Load(), len(body), v.producer.Staged(), staged, err, has, wantErr)
	}
	if staged {
		v.staged = append(v.staged, record{kind, body})
	}
	if got := v.producer.Staged(); got != int(sizeOf(v.staged...)) {
		t.Fatalf("%d bytes are staged, want %d", got, sizeOf(v.staged...))
	}
	v.isFree(t)
}

func (v *victim) publish(t testing.TB) {
	v.producer.Publish()
	v.settle(t, v.staged...)
	v.staged = nil
}

func (v *victim) reserve(t testing.TB, length int, fill byte) {
	has, wantErr := v.room(length)
	room, err := v.producer.Reserve(length)
	if (room != nil) != has || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
		t.Fatalf("%d…%d taken, told %d, reserved %d bytes: %v, %v; want %v, %v", v.head, v.tail, v.said.Load(), length, room != nil, err, has, wantErr)
	}
	if room == nil {
		return
	}
	if len(room) != length || cap(room) != length {
		t.Fatalf("reserved %d bytes (capacity %d), asked for %d", len(room), cap(room), length)
	}
	for i := range room {
		room[i] = fill
	}
	v.lent = room
}

func (v *victim) commit(t testing.TB, length int) {
	if v.lent == nil {
		return
	}
	body := bytes.Clone(v.lent[:length])
	v.producer.Commit(Message, length)
	v.lent = nil
	v.settle(t, record{Message, body})
}

// settle notes records that our ring holds from now on, and the free header behind them.
func (v *victim) settle(t testing.TB, records ...record) {
	for _, r := range records {
		bytes := append(binary.NativeEndian.AppendUint64(nil, uint64(r.kind)<<56|uint64(len(r.body))), r.body...)
		for i, b := range bytes {
			at := (v.tail + uint64(i)) & uint64(v.size-1)
			v.ring[at], v.settled[at] = b, true
		}
		v.tail += sizeOf(r)
	}
	v.isFree(t)
}

// isFree makes sure that nobody sees a record behind those that are published.
func (v *victim) isFree(t testing.TB) {
	if next := word(v.own, ControlSize+v.tail&uint64(v.size-1)).Load(); next != 0 {
		t.Fatalf("the header at %d is %#x, not free", v.tail, next)
	}
}

// check makes sure that our memory says what we have said, and nothing else.
func (v *victim) check(t testing.TB) {
	t.Helper()
	for at, settled := range v.settled {
		if got := v.own[ControlSize+at]; settled && got != v.ring[at] {
			t.Fatalf("%d…%d is not read: the byte at %d was overwritten", v.head, v.tail, at)
		}
	}
	if v.tail-v.head > uint64(v.size)-HeaderSize {
		t.Fatalf("%d…%d is not read: more than the ring holds", v.head, v.tail)
	}
	for _, said := range []struct{ at, want uint64 }{
		{0, binary.NativeEndian.Uint64([]byte("kithring"))}, {8, uint64(v.size)}, {128, v.told}, {256, 0}, {384, 0},
	} {
		if got := word(v.own, said.at).Load(); got != said.want {
			t.Fatalf("our word at %d is %#x, want %#x", said.at, got, said.want)
		}
	}
}
