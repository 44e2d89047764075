package kith

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"kith/driver"
)

// A netConn is a stream of bytes over messages.
type netConn struct {
	conn   driver.Lender
	addr   netAddr
	linger func(context.Context) // before a wait for a message, where the transport has it
	piece  int                   // of a message, bytes

	close  sync.Once
	closed chan struct{}

	reading turn
	lent    bool
	rest    []byte // of the message that is lent
	until   deadline

	writing turn
	by      deadline
}

// unlessItKnows is the piece where a transport does not tell its own.
const unlessItKnows = 16 << 10

// newNetConn sends messages that go out whole or not at all, where the transport has
// such: then a Write that its deadline ends has nothing half done.
func newNetConn(conn *Conn) *netConn {
	c := &netConn{
		conn: conn.driver, addr: netAddr(conn.Addr()), piece: unlessItKnows,
		linger: func(context.Context) {}, closed: make(chan struct{}), reading: newTurn(), writing: newTurn(),
	}
	if whole, knows := conn.driver.(interface{ Piece() int }); knows {
		c.piece = whole.Piece()
	}
	if patient, is := conn.driver.(interface{ Linger(ctx context.Context) }); is {
		c.linger = patient.Linger
	}
	return c
}

func (c *netConn) Read(p []byte) (n int, err error) {
	ctx := c.until.context()
	if err = c.take(ctx, c.reading); err == nil {
		if len(p) > 0 {
			err = c.next(ctx)
		}
		n = c.taken(copy(p, c.rest))
		c.endReading()
	}
	return n, c.failed("read", err)
}

// next makes sure that there is something to read.
func (c *netConn) next(ctx context.Context) error {
	for len(c.rest) == 0 {
		c.linger(ctx)
		rest, err := c.conn.Lease(ctx)
		if err != nil {
			return err
		}
		c.rest, c.lent = rest, true
		if len(rest) > 0 {
			return nil
		}
		c.giveBack()
		if err := cause(ctx); err != nil { // the peer may send empty messages for ever
			return err
		}
	}
	return nil
}

// taken gives the memory back once all of it has been read.
func (c *netConn) taken(n int) int {
	if c.rest = c.rest[n:]; len(c.rest) == 0 && c.lent {
		c.giveBack()
	}
	return n
}

func (c *netConn) giveBack() {
	c.rest, c.lent = nil, false
	c.conn.Release()
}

// endReading ends a turn, and does what Close has left to do.
func (c *netConn) endReading() {
	c.reading.leave()
	if c.isClosed() {
		c.abandon()
	}
}

// abandon gives back what is lent, or leaves it to the one who reads from it.
func (c *netConn) abandon() {
	if c.reading.try() {
		if c.lent {
			c.giveBack()
		}
		c.reading.leave()
	}
}

func (c *netConn) Write(p []byte) (n int, err error) {
	ctx := c.by.context()
	if err = c.take(ctx, c.writing); err == nil {
		for err == nil && n < len(p) {
			part := p[n:min(n+c.piece, len(p))]
			if err = c.conn.Send(ctx, part); err == nil {
				n += len(part)
			}
		}
		c.writing.leave()
	}
	return n, c.failed("write", err)
}

// CloseWrite is for those who look for it, as net/http's hijackers do. It comes after a
// Write that is under way.
func (c *netConn) CloseWrite() error {
	err := c.take(context.Background(), c.writing)
	if err == nil {
		err = c.conn.CloseSend()
		c.writing.leave()
	}
	return c.failed("close-write", err)
}

// Close leaves the memory from which a WriteTo writes to that.
func (c *netConn) Close() error {
	c.close.Do(func() { close(c.closed) })
	_ = c.SetDeadline(time.Time{}) // stops the timers, which would keep all of this
	err := c.conn.Close()
	c.abandon()
	return c.failed("close", err)
}

func (c *netConn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

func (c *netConn) failed(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return io.EOF // bare, as many look for it by ==
	}
	return &OpError{Op: op, Addr: c.addr.String(), Err: err}
}

func (c *netConn) LocalAddr() net.Addr  { return c.addr }
func (c *netConn) RemoteAddr() net.Addr { return c.addr }

func (c *netConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *netConn) SetReadDeadline(t time.Time) error {
	return c.set(&c.until, t)
}

func (c *netConn) SetWriteDeadline(t time.Time) error {
	return c.set(&c.by, t)
}

func (c *netConn) set(d *deadline, t time.Time) error {
	d.set(t)
	if !c.isClosed() {
		return nil
	}
	d.set(time.Time{})
	return c.failed("set-deadline", net.ErrClosed)
}
