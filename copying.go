package kith

import (
	"context"

	"golang.org/x/sys/unix"

	"kith/driver"
)

// A copying is a driver.Lender over a transport that lends no memory of its own: what is
// reserved is copied when it is sent, and what is leased was.
type copying struct {
	driver.Conn
	batches  driver.Batcher
	limit    int // of a message, bytes
	reserved []byte
	leased   bool
}

func newCopying(d driver.Conn) *copying {
	c := &copying{Conn: d, batches: oneByOne{d}, limit: driver.MaxLimit}
	if b, is := d.(driver.Batcher); is {
		c.batches = b
	}
	if l, knows := d.(interface{ Limit() int }); knows {
		c.limit = l.Limit()
	}
	return c
}

func (c *copying) Send(ctx context.Context, msg []byte) error {
	if c.reserved != nil {
		return driver.ErrConcurrent
	}
	return c.Conn.Send(ctx, msg)
}

func (c *copying) SendBatch(ctx context.Context, msgs [][]byte) (sent int, err error) {
	if c.reserved != nil {
		return 0, driver.ErrConcurrent
	}
	return c.batches.SendBatch(ctx, msgs)
}

func (c *copying) CloseSend() error {
	if c.reserved != nil {
		return driver.ErrConcurrent
	}
	return c.Conn.CloseSend()
}

func (c *copying) ReceiveBatch(ctx context.Context, msgs [][]byte) (received int, err error) {
	if c.leased {
		return 0, driver.ErrConcurrent
	}
	return c.batches.ReceiveBatch(ctx, msgs)
}

func (c *copying) Reserve(_ context.Context, length int) ([]byte, error) {
	switch {
	case c.reserved != nil:
		return nil, driver.ErrConcurrent
	case length < 0:
		return nil, unix.EINVAL
	case length > c.limit:
		return nil, driver.TooLarge(length, c.limit)
	}
	c.reserved = make([]byte, length)
	return c.reserved, nil
}

func (c *copying) Commit(ctx context.Context, length int) error {
	if c.reserved == nil || length < 0 || length > len(c.reserved) {
		return unix.EINVAL
	}
	msg := c.reserved[:length]
	c.reserved = nil
	return c.Conn.Send(ctx, msg)
}

func (c *copying) Discard() { c.reserved = nil }

func (c *copying) Receive(ctx context.Context) ([]byte, error) {
	if c.leased {
		return nil, driver.ErrConcurrent
	}
	return c.Conn.Receive(ctx)
}

func (c *copying) Lease(ctx context.Context) ([]byte, error) {
	msg, err := c.Receive(ctx)
	c.leased = c.leased || err == nil
	return msg, err
}

func (c *copying) Release() { c.leased = false }
