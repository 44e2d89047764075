package wait

import (
	"errors"
	"sync/atomic"

	"kith/internal/sys"
)

// A Gate lets one call at a time through until it is shut, and lets who shuts
// it wait for the call inside: so that memory is never unmapped under it.
//
// Entering costs no fence where the kernel has sys.Barrier: then it is Wait
// that pays for it.
type Gate struct {
	busy flag // set while a call is inside
	shut atomic.Bool
	left chan struct{}
}

// NewGate is an open gate.
func NewGate() *Gate { return &Gate{left: make(chan struct{}, 1)} }

// ErrShut is a gate that nobody may enter any more.
var ErrShut = errors.New("shut")

// ErrTaken is a gate with another call inside.
var ErrTaken = errors.New("another call is inside")

// Enter lets the caller in, if the gate is open and nobody is inside; then Leave
// must follow, and else Refused says why. Two who enter in the same instant are
// a mistake that it may not see.
func (g *Gate) Enter() bool {
	if g.busy.isSet() || g.shut.Load() {
		return false
	}
	g.busy.set()
	if g.shut.Load() {
		g.Leave()
		return false
	}
	return true
}

// Refused is why Enter said no.
func (g *Gate) Refused() error {
	if g.shut.Load() {
		return ErrShut
	}
	return ErrTaken
}

// Leave ends what Enter began.
func (g *Gate) Leave() {
	g.busy.clear()
	if g.shut.Load() {
		g.tell()
	}
}

func (g *Gate) tell() {
	select {
	case g.left <- struct{}{}:
	default:
	}
}

// IsShut reports whether Shut has been called.
func (g *Gate) IsShut() bool { return g.shut.Load() }

// Shut lets nobody in any more. It reports whether it was the first to do so.
func (g *Gate) Shut() bool { return !g.shut.Swap(true) }

// Wait returns when nobody is inside. Shut comes before, and whoever is inside
// must notice it.
func (g *Gate) Wait() {
	sys.Barrier()
	for g.busy.isSet() {
		<-g.left
	}
}
