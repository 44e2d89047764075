// Package ring is the shared memory of a connection, as data: a ring of
// records over bytes and atomics, without a system call or a descriptor.
//
// Each side of a connection makes one segment, and is the only one to write it.
// It holds the ring of what that side sends, and what that side has to say
// about the other ring. All numbers have the machine's byte order; the byte
// offsets are
//
//	   0   8  magic "kithring"
//	   8   8  size of the ring in bytes, a power of two
//	 128   8  consumed: how far this side has read the other's ring
//	 256   8  wants data: this side waits for a record  (kith/internal/wait)
//	 384   8  wants room: this side waits for free space
//	4096   …  the ring
//
// The words that change are 128 bytes apart, so that no two share a cache line
// or the pair that a processor fetches together.
//
// A position counts the bytes of all records so far; in the ring it is taken
// modulo the size. A record is a Header and its body, padded to 8 bytes. The
// producer writes the body, then a 0 where the next header will be, then the
// record's own header: that store publishes it. So a header of 0 means "not
// yet", and there is always a free header behind the last record: a goodbye
// needs no room.
package ring

import (
	"errors"
	"sync/atomic"
	"unsafe"
)

const (
	// ControlSize is the size of what lies before the ring, in bytes.
	ControlSize = 4096
	// MinSize is the smallest ring, in bytes.
	MinSize = 4096
	// MaxSize is the largest ring, in bytes.
	MaxSize = 1 << 30

	sizeAt      = 8
	consumedAt  = 128
	wantsDataAt = 256
	wantsRoomAt = 384

	// maxPiece keeps every copy below the size at which Go's switches to stores
	// that go around the cache.
	maxPiece = 256 << 10
)

var magic = [8]byte{'k', 'i', 't', 'h', 'r', 'i', 'n', 'g'}

// ErrCorrupt is something in a peer's segment that no honest peer writes.
var ErrCorrupt = errors.New("the peer's shared memory makes no sense")

// ValidSize reports whether a ring can have the size.
func ValidSize(size uint64) bool {
	return size >= MinSize && size <= MaxSize && size&(size-1) == 0
}

// MaxBody is the largest body of one record in a ring of the size: longer messages
// go in pieces.
func MaxBody(size int) int { return size / 4 }

// MaxPiece is the largest body that is copied at once, so that one is written while
// another is read.
func MaxPiece(size int) int { return min(size/4, maxPiece) }

// A Segment is one side's mapping: its control words, and its ring twice in a
// row (kith/internal/sys.MapRing).
type Segment struct {
	Consumed  *atomic.Uint64
	WantsData *atomic.Uint64
	WantsRoom *atomic.Uint64

	ring []byte // twice
	size uint64
}

// NewSegment finds the parts of a mapping with a ring of the size.
func NewSegment(memory []byte, size int) Segment {
	return Segment{
		Consumed:  word(memory, consumedAt),
		WantsData: word(memory, wantsDataAt),
		WantsRoom: word(memory, wantsRoomAt),
		ring:      memory[ControlSize:][:2*size],
		size:      uint64(size),
	}
}

// MaxBody is the longest body of one record in this segment's ring, in bytes.
func (s Segment) MaxBody() int { return MaxBody(int(s.size)) }

// MaxPiece is the longest that is copied at once, in bytes.
func (s Segment) MaxPiece() int { return MaxPiece(int(s.size)) }

// Sign writes what tells a reader of the bytes what they are.
func Sign(memory []byte, size int) {
	copy(memory, magic[:])
	word(memory, sizeAt).Store(uint64(size))
}

// word is an atomic view of the 8 bytes at an offset, which is a multiple of 8.
func word(memory []byte, offset uint64) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&memory[offset]))
}

// recordSize is what a record with the body takes, in bytes.
func recordSize(body int) uint64 { return (HeaderSize + uint64(body) + 7) &^ 7 }
