package ring

import "sync/atomic"

// A Consumer reads records from the peer's ring, which the peer can change at
// any time: each header is loaded once, checked, and then used. It is used by
// one goroutine at a time.
type Consumer struct {
	ring     []byte // twice in a row
	size     uint64
	most     uint64         // of a body, bytes
	head     uint64         // position of the next header
	told     uint64         // what consumed says
	consumed *atomic.Uint64 // in our own memory
}

// NewConsumer reads from peer, and says in own what it has consumed.
func NewConsumer(own, peer Segment) Consumer {
	return Consumer{ring: peer.ring, size: peer.size, most: uint64(peer.MaxBody()), consumed: own.Consumed}
}

// Next returns the record at hand without taking it. The kind is 0 where there
// is none yet. The body lies in the peer's memory and is valid until Advance.
func (c *Consumer) Next() (kind uint8, body []byte, err error) {
	at := c.head & (c.size - 1)
	header := Header(word(c.ring, at).Load())
	if header == 0 {
		return 0, nil, nil
	}
	acquire()
	length := int(header - Pack(Message, 0))
	if uint64(length) <= c.most { // one comparison for what comes nearly always
		return Message, c.ring[at+HeaderSize:][:length:length], nil
	}
	kind, length, err = header.Unpack(int(c.most))
	if err != nil {
		return 0, nil, err
	}
	return kind, c.ring[at+HeaderSize:][:length:length], nil
}

// Word is where the next record's header will be: 0 until it is there.
func (c *Consumer) Word() *atomic.Uint64 { return word(c.ring, c.head&(c.size-1)) }

// Advance takes the record that Next returned, of the given body length. It
// reports whether it told the peer, which it does once for an eighth of the
// ring: the peer's cache line is left in peace meanwhile.
func (c *Consumer) Advance(length int) (told bool) {
	c.head += recordSize(length)
	if c.head-c.told < c.size/8 {
		return false
	}
	return c.Tell()
}

// Tell says how far we have consumed, and reports whether that was news.
func (c *Consumer) Tell() bool {
	if c.head == c.told {
		return false
	}
	release()
	c.told = c.head
	c.consumed.Store(c.head)
	return true
}
