package sys

import (
	"context"
	"errors"
	"os"
	"time"
)

// A Direction is what waits on one side of a descriptor that the netpoller knows.
// There, Go lets one goroutine wait at a time, and has one deadline: they take
// turns, so that each can leave when its own context ends. Any number of
// goroutines may use it at once.
type Direction struct {
	turn   chan struct{}
	until  func(func(fd uintptr) bool) error // RawConn's Read or Write
	bridge Bridge                            // guarded by turn
}

// NewDirection takes Read or Write of a RawConn, and SetReadDeadline or
// SetWriteDeadline of its file.
func NewDirection(until func(func(fd uintptr) bool) error, setDeadline func(time.Time) error) *Direction {
	return &Direction{turn: make(chan struct{}, 1), until: until, bridge: Bridge{SetDeadline: setDeadline}}
}

// Wait calls done, and again whenever the descriptor may be ready, until it
// returns true or ctx ends: the error is then the cause of its end. It calls no
// more than one done at a time. Closing the file ends it with os.ErrClosed.
func (d *Direction) Wait(ctx context.Context, done func(fd uintptr) bool) error {
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

// Disarm is for a descriptor that is closed: nobody stays in the turn.
func (d *Direction) Disarm() {
	d.turn <- struct{}{}
	d.bridge.Disarm()
	<-d.turn
}
