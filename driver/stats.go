package driver

import "kith/internal/sys"

// Stats is what a connection has counted since it was made. All but the traffic is
// counted by shm: alone.
type Stats struct {
	Sent, Received Traffic

	Room Waits // of those who send, for room
	Data Waits // of those who receive, for a message

	// Full is how often a message, or a piece of one, found no room at first.
	Full uint64
	// Peak is the most that lay in the ring, in bytes, of what was seen when the sender
	// looked for room; it looks once for each ring's length that it writes, at least.
	Peak uint64
	// Knocks is how often the peer had parked and was woken.
	Knocks uint64
}

// Traffic is whole messages, and the bytes in them and in one that was cut off.
type Traffic struct{ Messages, Bytes uint64 }

// A TrafficCounter counts Traffic for one goroutine at a time, and is read by any.
type TrafficCounter struct{ messages, bytes sys.Counter }

// Message counts one of the size.
func (c *TrafficCounter) Message(size int) { c.Messages(1, size) }

// Messages counts several, of so many bytes together.
func (c *TrafficCounter) Messages(n, bytes int) {
	c.messages.Add(uint64(n))
	c.bytes.Add(uint64(bytes))
}

// Piece counts a part of a message that Message counts later.
func (c *TrafficCounter) Piece(size int) { c.bytes.Add(uint64(size)) }

// Load is what was counted so far.
func (c *TrafficCounter) Load() Traffic { return Traffic{c.messages.Load(), c.bytes.Load()} }

// Waits counts waits by how they ended: what they waited for was there within a few looks,
// it came while they spun, or they parked.
type Waits struct{ Looked, Spun, Parked uint64 }
