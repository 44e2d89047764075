package kith

import (
	"context"
	"errors"
	"io"
	"iter"

	"kith/driver"
)

// A Conn is a connection between two parties that carries whole messages, in
// order, both ways. One goroutine may send while another receives. Two senders or
// two receivers at once are a mistake: the second is told ErrConcurrent, or where
// both came in the same instant, the race detector reports them. Close may be
// called at any time, from any goroutine, more than once.
type Conn struct {
	driver  driver.Lender
	batches driver.Batcher
	turn    uint64 // of leases and their releases
}

// newConn adds what a transport leaves out.
func newConn(d driver.Conn) *Conn {
	lender, is := d.(driver.Lender)
	if !is {
		lender = newCopying(d)
	}
	batches, is := lender.(driver.Batcher)
	if !is {
		batches = oneByOne{lender}
	}
	return &Conn{driver: lender, batches: batches}
}

// Addr is the address the connection was made at, its name resolved to the
// full path, host and port, or descriptor.
func (c *Conn) Addr() string { return c.driver.Address().String() }

// Send sends one message, which may be empty. The bytes are copied: msg is the
// caller's again when Send returns. While the peer is behind, Send waits.
//
// Errors: ErrTooLarge (nothing was sent), the context's cause, EPIPE (the peer
// is gone), ErrBroken (an earlier Send was cut off), ErrSendClosed,
// ErrConcurrent, net.ErrClosed.
func (c *Conn) Send(ctx context.Context, msg []byte) error {
	if ctx.Err() != nil {
		return c.failed("send", context.Cause(ctx))
	}
	if err := c.driver.Send(ctx, msg); err != nil {
		return c.failed("send", err)
	}
	return nil
}

// Receive waits for the next message and returns a copy of it, which is the
// caller's until the next receiving call, after Close too.
//
// Errors: io.EOF (the peer said goodbye), ErrPeerDied (its stream ended without
// one), ErrProtocol (it does not keep the rules), the context's cause
// (Receive can be called again), ErrConcurrent, net.ErrClosed.
func (c *Conn) Receive(ctx context.Context) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, c.failed("receive", context.Cause(ctx))
	}
	msg, err := c.driver.Receive(ctx)
	if err != nil {
		return nil, c.failed("receive", err)
	}
	return msg, nil
}

// Messages receives until the peer's goodbye, which ends the loop without an
// error; any other end is its last pair. Each message is valid until the next
// turn of the loop.
func (c *Conn) Messages(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			msg, err := c.Receive(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(msg, err) || err != nil {
				return
			}
		}
	}
}

// CloseSend says goodbye: once the peer has received everything, its Receive
// returns io.EOF. It never waits. What the peer sends can still be received. A
// second call does nothing.
//
// Errors: ErrBroken (a Send was cut off: there is no honest goodbye),
// ErrConcurrent (a Send is under way, or a Reserve without its Commit), net.ErrClosed.
func (c *Conn) CloseSend() error {
	if err := c.driver.CloseSend(); err != nil {
		return c.failed("close-send", err)
	}
	return nil
}

// Close says goodbye, unless CloseSend has, ends the calls in flight with
// net.ErrClosed, and gives every resource back. What was sent before is still
// delivered. To know that the peer has taken it all, call CloseSend, then
// Receive until io.EOF, then Close.
//
// It returns at once, but where the peer leaves no room for the goodbye, or over
// a network has not acknowledged everything: then it waits for a second at most,
// and its error says that the peer may see a death.
func (c *Conn) Close() error {
	if err := c.driver.Close(); err != nil {
		return c.failed("close", err)
	}
	return nil
}

func (c *Conn) failed(op string, err error) error {
	return &OpError{Op: op, Addr: c.Addr(), Err: err}
}

// cause is why ctx has ended, or nil while it has not.
func cause(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
