package mq

import (
	"context"
	"errors"
	"os"
	"time"

	"kith/internal/sys"
)

// A direction is what waits on one side of a descriptor. There, Go lets one
// goroutine wait at a time, and has one deadline: they take turns, so that
// each can leave when its own context ends.
type direction struct {
	turn   chan struct{}
	until  func(func(fd uintptr) bool) error // RawConn's Read or Write
	bridge sys.Bridge                        // guarded by turn
}

func newDirection(until func(func(fd uintptr) bool) error, setDeadline func(time.Time) error) *direction {
	return &direction{turn: make(chan struct{}, 1), until: until, bridge: sys.Bridge{SetDeadline: setDeadline}}
}

// wait calls done, and again whenever the descriptor may be ready, until it
// returns true or ctx ends. It calls no more than one done at a time.
func (d *direction) wait(ctx context.Context, done func(fd uintptr) bool) error {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-d.turn }()
	d.bridge.Arm(ctx)
	err := d.until(done)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return d.bridge.Cause(ctx, err)
	}
	return os.ErrClosed // the runtime's own error does not match it
}

// disarm is for a descriptor that is closed: nobody stays in the turn.
func (d *direction) disarm() {
	d.turn <- struct{}{}
	d.bridge.Disarm()
	<-d.turn
}
