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
	quick    int         // the longest record that is taken quickly, bytes; less than 0 in the middle of a message, and once over
	message  []byte      // grows with what has arrived
	partial  bool        // the message goes on
	batches  bool        // the last batch had more than one message
	leased   int         // the body that Lease has lent, bytes
	memory   []byte      // the peer's
	received driver.TrafficCounter
	over     error // how the peer's stream ended, once it has
}

func newReceiver(own, peer ring.Segment, limit int, front, back *wait.Door) receiver {
	gate := wait.NewGate()
	return receiver{
		gate:     gate,
		consumer: ring.NewConsumer(own, peer),
		waiter:   wait.NewWaiter(own.WantsData, front, gate),
		bell:     wait.NewBell(peer.WantsRoom, back),
		limit:    limit,
		quick:    min(limit, maxCopy),
	}
}

// Receive does itself, in few calls, what nearly every message needs: it is there, in
// one record, or is about to be.
func (r *receiver) Receive(ctx context.Context) ([]byte, error) {
	if !r.gate.Enter() {
		return nil, refused(r.gate)
	}
	kind, body, _ := r.consumer.Next()
	if kind == 0 && r.waiter.Glance(r.consumer.Word(), 0) {
		kind, body, _ = r.consumer.Next()
	}
	if kind != ring.Message || len(body) > r.quick {
		msg, err := r.receive(ctx)
		r.gate.Leave()
		return msg, err
	}
	r.message = append(r.message[:0], body...)
	r.received.Message(len(body))
	if r.consumer.Advance(len(body)) {
		r.bell.Ring()
	}
	r.gate.Leave()
	return r.message, nil
}

func (r *receiver) receive(ctx context.Context) ([]byte, error) {
	msg, err := r.next(ctx)
	r.quick = -1
	if r.over == nil && !r.partial {
		r.quick = min(r.limit, maxCopy)
	}
	return msg, err
}

func (r *receiver) next(ctx context.Context) ([]byte, error) {
	for waited := false; r.over == nil; {
		kind, body, err := r.consumer.Next()
		switch {
		case err != nil:
			r.over = ended(err)
		case kind == 0:
			err = r.wait(ctx, waited)
			waited = true
		case kind == ring.Goodbye && r.partial:
			r.over = fmt.Errorf("%w: a goodbye in the middle of a message", driver.ErrProtocol)
		case kind == ring.Goodbye:
			r.over = io.EOF
		default:
			r.take(body, kind == ring.More)
			if r.over == nil && !r.partial {
				return r.message, nil
			}
			err = interrupted(ctx, r.gate)
		}
		if err != nil && r.over == nil {
			return nil, err
		}
	}
	return nil, r.over
}

// maxCopy is below the size at which Go's copies go around the cache, in bytes.
const maxCopy = 256 << 10

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
	if more {
		r.received.Piece(len(body))
	} else {
		r.received.Message(len(body))
	}
	if r.consumer.Advance(len(body)) {
		r.bell.Ring()
	}
}

// wait waits for the next record. The ring is empty, and so much of it is known to the
// peer as free that any record fits: it need not be told of the rest. A peer may show a record and
// take it back, for ever, so who waits again in one call looks up before.
func (r *receiver) wait(ctx context.Context, again bool) error {
	if again {
		if err := interrupted(ctx, r.gate); err != nil {
			return err
		}
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
