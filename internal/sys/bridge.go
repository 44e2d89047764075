package sys

import (
	"context"
	"errors"
	"os"
	"time"
)

// Past is a deadline that ends every call at once.
var Past = time.Unix(1, 0)

// A Bridge carries the end of a context to calls that park in the netpoller,
// by the one means they have: the deadline of their direction. It is made for
// one direction of one descriptor, and used by one goroutine at a time.
//
// The registration stays for the next call with the same context, so a loop
// of calls allocates once. Disarm, or a call with another context, ends it.
type Bridge struct {
	SetDeadline func(time.Time) error

	done  <-chan struct{} // of the context that is registered; nil: none
	stop  func() bool
	fired chan struct{}
}

// Arm makes ctx's end interrupt the direction's calls from now on.
func (b *Bridge) Arm(ctx context.Context) {
	done := ctx.Done()
	if done == b.done {
		return
	}
	b.Disarm()
	if done == nil {
		return
	}
	fired := make(chan struct{})
	b.done, b.fired = done, fired
	b.stop = context.AfterFunc(ctx, func() {
		_ = b.SetDeadline(Past) // fails on a closed descriptor only
		close(fired)
	})
}

// Disarm takes the registration back; the direction's calls wait for ever again.
func (b *Bridge) Disarm() {
	if b.done == nil {
		return
	}
	if !b.stop() {
		<-b.fired
		_ = b.SetDeadline(time.Time{})
	}
	b.done, b.stop, b.fired = nil, nil, nil
}

// Cause turns the deadline's error back into the reason why ctx ended.
func (b *Bridge) Cause(ctx context.Context, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
