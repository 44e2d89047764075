package shm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"kith/driver"
	"kith/internal/wait"
	"kith/ring"
)

// A receiver is the half of a conn that reads.
type receiver struct {
	gate     *wait.Gate
	consumer ring.Consumer
	waiter   wait.Waiter // for data
	bell     wait.Bell   // the peer may wait for room
	limit    int         // of a message, bytes
	message  []byte      // grows with what has arrived
	partial  bool        // the message goes on
	leased   int         // the body that Lease has lent, bytes
	memory   []byte      // the peer's
	over     error       // how the peer's stream ended, once it has
}

func newReceiver(own, peer ring.Segment, front, back *wait.Door) receiver {
	gate := wait.NewGate()
	return receiver{
		gate:     gate,
		consumer: ring.NewConsumer(own, peer),
		waiter:   wait.NewWaiter(own.WantsData, front, gate),
		bell:     wait.NewBell(peer.WantsRoom, back),
	}
}

func (r *receiver) Receive(ctx context.Context) ([]byte, error) {
	if !r.gate.Enter() {
		return nil, refused(r.gate)
	}
	msg, err := r.receive(ctx)
	r.gate.Leave()
	return msg, err
}

func (r *receiver) receive(ctx context.Context) ([]byte, error) {
	for r.over == nil {
		kind, body, err := r.consumer.Next()
		switch {
		case err != nil:
			r.over = ended(err)
		case kind == 0:
			err = r.wait(ctx)
		case kind == ring.Goodbye && r.partial:
			r.over = fmt.Errorf("%w: a goodbye in the middle of a message", driver.ErrProtocol)
		case kind == ring.Goodbye:
			r.over = io.EOF
		default:
			r.take(body, kind == ring.More)
			if r.over == nil && !r.partial {
				return r.message, nil
			}
			err = r.interrupted(ctx)
		}
		if err != nil && r.over == nil {
			return nil, err
		}
	}
	return nil, r.over
}

// maxCopy is below the size at which Go's copies go around the cache, in bytes.
const maxCopy = 256 << 10

// interrupted looks up between the pieces of a message, which may be many.
func (r *receiver) interrupted(ctx context.Context) error {
	if r.gate.IsShut() {
		return net.ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// take copies a record out and gives its room back.
func (r *receiver) take(body []byte, more bool) {
	if !r.partial {
		r.message = r.message[:0]
	}
	if len(body) > r.limit-len(r.message) {
		r.over = fmt.Errorf("%w: %w", driver.ErrProtocol, driver.TooLarge(len(r.message)+len(body), r.limit))
		return
	}
	rest := body
	for ; len(rest) > maxCopy; rest = rest[maxCopy:] {
		r.message = append(r.message, rest[:maxCopy]...)
	}
	r.message = append(r.message, rest...)
	r.partial = more
	if r.consumer.Advance(len(body)) {
		r.bell.Ring()
	}
}

// wait waits for the next record. Before, it gives back all the room there is:
// the peer may need it for that very record.
func (r *receiver) wait(ctx context.Context) error {
	if r.consumer.Tell() {
		r.bell.Ring()
	}
	err := r.waiter.Wait(ctx, r.consumer.Word(), 0)
	switch {
	case errors.Is(err, wait.ErrHangUp):
		r.over = driver.ErrPeerDied
	case errors.Is(err, wait.ErrShut):
		return net.ErrClosed
	}
	return err
}
