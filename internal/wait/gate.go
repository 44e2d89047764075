package wait

import (
	"errors"
	"sync/atomic"

	"kith/internal/sys"
	"kith/ring"
)

// A Gate lets one call at a time through until it is shut, and lets who shuts
// it wait for the call inside: so that memory is never unmapped under it.
//
// Entering costs no fence where the kernel has sys.Barrier: then it is Wait
// that pays for it.
type Gate struct {
	busy uint64 // 1 while a call is inside
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
// must follow. Two who enter in the same instant are a mistake that it may not
// see.
func (g *Gate) Enter() error {
	if atomic.LoadUint64(&g.busy) != 0 && !g.shut.Load() {
		return ErrTaken
	}
	if g.shut.Load() {
		return ErrShut
	}
	store(&g.busy, 1)
	if g.shut.Load() {
		g.Leave()
		return ErrShut
	}
	return nil
}

// Leave ends what Enter began.
func (g *Gate) Leave() {
	store(&g.busy, 0)
	if g.shut.Load() {
		select {
		case g.left <- struct{}{}:
		default:
		}
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
	for atomic.LoadUint64(&g.busy) != 0 {
		<-g.left
	}
}

var lazily = sys.HaveBarrier()

// store is an atomic store, without a fence where others pay for it.
func store(p *uint64, value uint64) {
	if lazily {
		ring.StoreRelease(p, value)
	} else {
		atomic.StoreUint64(p, value)
	}
}
