package shm

import (
	"context"

	"kith/internal/sys"
	"kith/ring"
)

// Lease lends the next message where it lies in the peer's memory, until Release. One
// that came in pieces is copied together.
func (r *receiver) Lease(ctx context.Context) ([]byte, error) {
	if !r.gate.Enter() {
		return nil, refused(r.gate)
	}
	kind, body, err := r.consumer.Next()
	if kind == 0 && r.waiter.Glance(r.consumer.Word(), 0) {
		kind, body, err = r.consumer.Next()
	}
	if kind != ring.Message || r.quick < 0 || len(body) > r.limit {
		body, err = r.lease(ctx)
	} else {
		r.lend(body)
	}
	if err != nil {
		r.gate.Leave()
		return nil, err
	}
	r.gate.Lend()
	return body, nil
}

// lease waits for a message, or says why there is none to be lent where it lies.
func (r *receiver) lease(ctx context.Context) ([]byte, error) {
	for waited := false; r.over == nil && !r.partial; waited = true {
		kind, body, err := r.consumer.Next()
		switch {
		case err == nil && kind == ring.Message && len(body) <= r.limit:
			r.lend(body)
			return body, nil
		case err != nil || kind != 0:
			return r.whole(ctx)
		}
		if err := r.wait(ctx, waited); err != nil && r.over == nil {
			return nil, err
		}
	}
	return r.whole(ctx)
}

func (r *receiver) lend(body []byte) {
	r.leased = len(body)
	r.received.Message(len(body))
}

// whole lends a copy, and says how the stream ended.
func (r *receiver) whole(ctx context.Context) ([]byte, error) {
	r.leased = private
	return r.receive(ctx)
}

// private is a lease of our own memory.
const private = -1

// Release gives the lent memory back to the peer.
func (r *receiver) Release() {
	switch {
	case !r.gate.IsLent():
	case !r.gate.TakeBack():
		_ = sys.Unmap(r.memory)
	default:
		if r.leased != private && r.consumer.Advance(r.leased) {
			r.bell.Ring()
		}
		r.gate.Leave()
	}
}
