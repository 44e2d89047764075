package kith

import (
	"context"
	"net"
)

// A turn is a lock for which a call waits as it waits for anything else.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) leave() { <-t }

func (t turn) try() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

// take is the beginning of every call: it waits for the turn, and then looks whether the
// connection is open and the deadline still to come.
func (c *netConn) take(ctx context.Context, t turn) error {
	if !t.try() {
		select {
		case t <- struct{}{}:
		case <-c.closed:
			return net.ErrClosed
		case <-ctx.Done():
			return cause(ctx)
		}
	}
	err := cause(ctx)
	if c.isClosed() {
		err = net.ErrClosed
	}
	if err != nil {
		t.leave()
	}
	if c.isClosed() { // we may have had the turn just when Close wanted it
		c.abandon()
	}
	return err
}
