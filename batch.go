package kith

import (
	"context"

	"kith/driver"
)

// SendBatch sends messages in their order, and returns how many it has sent: all of them,
// or those before the error. Each is a message of its own to the receiver. But on shm: as
// many as there is room for are published by one store, and the peer is woken once; on a
// stream they go by one system call. So many small messages cost a fraction of what
// each alone does. Errors: as Send's; what was in front of a message that is too large was sent.
func (c *Conn) SendBatch(ctx context.Context, msgs [][]byte) (sent int, err error) {
	if ctx.Err() != nil {
		return 0, c.failed("send", context.Cause(ctx))
	}
	if sent, err = c.batches.SendBatch(ctx, msgs); err != nil {
		return sent, c.failed("send", err)
	}
	return sent, nil
}

// ReceiveBatch waits for a message, and takes all that are there by then, as many as msgs
// has places for, but few enough for some 64 KiB of memory. It returns how many it has
// put into msgs: copies, which are the caller's until the next receiving call, after
// Close too. An error comes when no message comes before it. Errors: as Receive's.
func (c *Conn) ReceiveBatch(ctx context.Context, msgs [][]byte) (received int, err error) {
	if ctx.Err() != nil {
		return 0, c.failed("receive", context.Cause(ctx))
	}
	if len(msgs) == 0 {
		return 0, nil
	}
	if received, err = c.batches.ReceiveBatch(ctx, msgs); err != nil {
		return 0, c.failed("receive", err)
	}
	return received, nil
}

// oneByOne is a driver.Batcher over a transport that is none.
type oneByOne struct{ driver.Conn }

func (c oneByOne) SendBatch(ctx context.Context, msgs [][]byte) (sent int, err error) {
	for _, msg := range msgs {
		if err := c.Send(ctx, msg); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

func (c oneByOne) ReceiveBatch(ctx context.Context, msgs [][]byte) (received int, err error) {
	if msgs[0], err = c.Receive(ctx); err != nil {
		return 0, err
	}
	return 1, nil
}
