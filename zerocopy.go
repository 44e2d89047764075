package kith

import "context"

// Reserve lends memory for a message of at most length bytes, in which the caller
// writes it: on shm:, in the ring itself, where the peer can read it after Commit. While
// the peer is behind, Reserve waits. The slice is the caller's until Commit or Discard,
// also if Close comes meanwhile; until then, Send and Reserve fail with ErrConcurrent.
// What is in it at first is undefined.
//
// Errors: as Send's. On shm: ErrTooLarge is more than a quarter of the ring, too: Send
// sends what is longer, in pieces.
func (c *Conn) Reserve(ctx context.Context, length int) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, c.failed("reserve", context.Cause(ctx))
	}
	room, err := c.driver.Reserve(ctx, length)
	if err != nil {
		return nil, c.failed("reserve", err)
	}
	return room, nil
}

// Commit sends the first length bytes of what was reserved, as one message. Errors:
// EINVAL where nothing, or less, was reserved (nothing was sent, and what was reserved
// stays so); else as Send's.
func (c *Conn) Commit(ctx context.Context, length int) error {
	if err := c.driver.Commit(ctx, length); err != nil {
		return c.failed("commit", err)
	}
	return nil
}

// Discard gives back what was reserved; nothing is sent. Where nothing was, it does
// nothing.
func (c *Conn) Discard() { c.driver.Discard() }

// A Lease is a message that was received and not copied.
type Lease struct {
	conn  *Conn
	bytes []byte
	turn  uint64
}

// Lease waits for the next message and lends it: on shm:, as it lies in the peer's
// memory, but for one that came in pieces. Until Release, Receive and Lease fail with
// ErrConcurrent, and the peer has that much less room. Errors: as Receive's.
func (c *Conn) Lease(ctx context.Context) (Lease, error) {
	if ctx.Err() != nil {
		return Lease{}, c.failed("lease", context.Cause(ctx))
	}
	msg, err := c.driver.Lease(ctx)
	if err != nil {
		return Lease{}, c.failed("lease", err)
	}
	c.turn++
	return Lease{c, msg, c.turn}, nil
}

// Bytes is the message, to be read only: writing to it is a fault that ends the process.
// It is valid until Release, also if Close comes meanwhile. A hostile peer can change
// it at any time: who does not trust it copies before parsing, as Receive does.
func (l Lease) Bytes() []byte { return l.bytes }

// Release gives the memory back. A second call does nothing.
func (l Lease) Release() {
	if l.conn == nil || l.turn != l.conn.turn {
		return
	}
	l.conn.turn++
	l.conn.driver.Release()
}
