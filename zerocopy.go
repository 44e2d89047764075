package kith

import (
	"context"

	"golang.org/x/sys/unix"

	"kith/driver"
)

// Reserve lends memory for a message of at most length bytes, in which the caller
// writes it: on shm:, in the ring itself, where the peer can read it after Commit. While
// the peer is behind, Reserve waits. The slice is the caller's until Commit or Discard,
// also if Close comes meanwhile; until then, Send and Reserve fail with ErrConcurrent.
// What is in it at first is undefined.
//
// Errors: as Send's. On shm: ErrTooLarge is more than a quarter of the ring, too: Send
// sends what is longer, in pieces.
func (c *Conn) Reserve(ctx context.Context, length int) ([]byte, error) {
	err := cause(ctx)
	var room []byte
	if err == nil {
		room, err = c.reserve(ctx, length)
	}
	if err != nil {
		return nil, c.failed("reserve", err)
	}
	return room, nil
}

func (c *Conn) reserve(ctx context.Context, length int) ([]byte, error) {
	if lender, is := c.driver.(driver.Lender); is {
		return lender.Reserve(ctx, length)
	}
	switch {
	case c.reserved != nil:
		return nil, driver.ErrConcurrent
	case length < 0:
		return nil, unix.EINVAL
	}
	c.reserved = make([]byte, length)
	return c.reserved, nil
}

// Commit sends the first length bytes of what was reserved, as one message. Errors:
// EINVAL where nothing, or less, was reserved (nothing was sent, and what was reserved
// stays so); else as Send's.
func (c *Conn) Commit(ctx context.Context, length int) error {
	if err := c.commit(ctx, length); err != nil {
		return c.failed("commit", err)
	}
	return nil
}

func (c *Conn) commit(ctx context.Context, length int) error {
	if lender, is := c.driver.(driver.Lender); is {
		return lender.Commit(ctx, length)
	}
	if c.reserved == nil || length < 0 || length > len(c.reserved) {
		return unix.EINVAL
	}
	msg := c.reserved[:length]
	c.reserved = nil
	return c.driver.Send(ctx, msg)
}

// Discard gives back what was reserved; nothing is sent. Where nothing was, it does
// nothing.
func (c *Conn) Discard() {
	if lender, is := c.driver.(driver.Lender); is {
		lender.Discard()
	}
	c.reserved = nil
}

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
	err := cause(ctx)
	var msg []byte
	if err == nil {
		msg, err = c.lease(ctx)
	}
	if err != nil {
		return Lease{}, c.failed("lease", err)
	}
	c.turn++
	return Lease{c, msg, c.turn}, nil
}

func (c *Conn) lease(ctx context.Context) ([]byte, error) {
	if c.isLeased() {
		return nil, driver.ErrConcurrent
	}
	if lender, is := c.driver.(driver.Lender); is {
		return lender.Lease(ctx)
	}
	return c.driver.Receive(ctx)
}

func (c *Conn) isLeased() bool { return c.turn&1 == 1 }

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
	if lender, is := l.conn.driver.(driver.Lender); is {
		lender.Release()
	}
}
