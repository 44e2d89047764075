package ring

import (
	"sync/atomic"
	"unsafe"
)

// A Producer writes records into a ring of its own side. It is used by one
// goroutine at a time.
type Producer struct {
	ring     []byte // twice in a row
	size     uint64
	tail     uint64         // position of the next header
	head     uint64         // how far the peer has consumed, when last looked
	staged   uint64         // bytes behind tail that are written and not published
	first    Header         // of what is staged
	consumed *atomic.Uint64 // where the peer says so; in its memory
	fence    bool
	corrupt  error          // what the peer says of it makes no sense
	peak     *atomic.Uint64 // the most that was seen in the ring, bytes
}

// NewProducer writes to own, and asks peer what it has consumed. With fence,
// publishing a record is a full memory fence (kith/internal/wait says when it
// need not be).
func NewProducer(own, peer Segment, fence bool) Producer {
	return Producer{ring: own.ring, size: own.size, consumed: peer.Consumed, fence: fence, peak: new(atomic.Uint64)}
}

// Write writes and publishes one record, if there is room. The body is at most
// MaxBody long. It is Stage and Publish in one, whose calls would cost a small message
// a third as much again.
func (p *Producer) Write(kind uint8, body []byte) (written bool, err error) {
	size := recordSize(len(body))
	if p.size-(p.tail-p.head) < size+HeaderSize && !p.findRoom(p.tail, size) {
		return false, p.corrupt
	}
	at := p.tail & (p.size - 1)
	copy(p.ring[at+HeaderSize:], body)
	p.next(at + size)
	p.publish(at, Pack(kind, len(body)))
	p.tail += size
	return true, nil
}

// Stage writes a record behind those that are staged already, if there is room. Nobody
// sees any of them before Publish; a Write or Reserve comes after it.
func (p *Producer) Stage(kind uint8, body []byte) (staged bool, err error) {
	tail, size := p.tail+p.staged, recordSize(len(body))
	if p.size-(tail-p.head) < size+HeaderSize && !p.findRoom(tail, size) {
		return false, p.corrupt
	}
	at := tail & (p.size - 1)
	copy(p.ring[at+HeaderSize:], body)
	if p.staged == 0 {
		p.first = Pack(kind, len(body))
	} else {
		p.put(at, Pack(kind, len(body)))
	}
	want((*uint64)(unsafe.Pointer(&p.ring[at])))
	p.staged += size
	return true, nil
}

// Publish shows the peer all that is staged, by one store: of the first header.
func (p *Producer) Publish() {
	if p.staged == 0 {
		return
	}
	at := p.tail & (p.size - 1)
	p.next(at + p.staged)
	p.publish(at, p.first)
	p.tail += p.staged
	p.staged = 0
}

// Reserve returns room for the body of the next record, which nobody sees before
// Commit; nil where there is none. It is at most MaxBody long. Nothing is staged.
func (p *Producer) Reserve(length int) (room []byte, err error) {
	size := recordSize(length)
	if p.size-(p.tail-p.head) < size+HeaderSize && !p.findRoom(p.tail, size) {
		return nil, p.corrupt
	}
	return p.ring[p.tail&(p.size-1)+HeaderSize:][:length:length], nil
}

// Commit publishes the record whose body was written where Reserve said, or that
// many bytes of it.
func (p *Producer) Commit(kind uint8, length int) {
	at, size := p.tail&(p.size-1), recordSize(length)
	p.next(at + size)
	p.publish(at, Pack(kind, length))
	p.tail += size
}

// Staged is what is staged, in bytes of the ring.
func (p *Producer) Staged() int { return int(p.staged) }

// Taken reports whether the peer says that it has consumed everything.
func (p *Producer) Taken() bool { return p.consumed.Load() == p.tail }

// Goodbye publishes the last record. There is always room for it.
func (p *Producer) Goodbye() { p.publish(p.tail&(p.size-1), Pack(Goodbye, 0)) }

// Peak is the most that lay in the ring when the producer looked how far the peer has
// consumed, in bytes. Any goroutine may ask.
func (p *Producer) Peak() uint64 { return p.peak.Load() }

// Seen is the value of the peer's Consumed at which Write last found no room.
func (p *Producer) Seen() uint64 { return p.head }

// findRoom asks the peer how far it has consumed, and believes only what can be. It
// reports whether a record of the size fits at a position now.
//
//go:noinline
func (p *Producer) findRoom(at, size uint64) bool {
	head := p.consumed.Load()
	if head-p.head > p.tail-p.head || head&7 != 0 {
		p.corrupt = ErrCorrupt
		return false
	}
	p.head = head
	p.peak.Store(max(p.peak.Load(), p.tail-head))
	return p.size-(at-head) >= size+HeaderSize
}

// next makes the header at an offset of the mapping "not yet".
func (p *Producer) next(at uint64) { p.put(at, 0) }

// put writes a header that nobody can see yet.
func (p *Producer) put(at uint64, h Header) { *(*Header)(unsafe.Pointer(&p.ring[at])) = h }

// publish shows the peer what begins at an offset of the mapping.
func (p *Producer) publish(at uint64, h Header) {
	release()
	word := (*uint64)(unsafe.Pointer(&p.ring[at]))
	if p.fence {
		atomic.StoreUint64(word, uint64(h))
	} else {
		publish(word, uint64(h))
	}
	want(word)
}
