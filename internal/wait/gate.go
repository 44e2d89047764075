package wait

import (
	"errors"
	"sync"
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
	lent flag // it has returned, and its caller uses the memory
	shut atomic.Bool
	left chan struct{}

	mu        sync.Mutex // where the gate is shut; held from abandon to Done
	abandoned bool
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
	if g.busy.isSet() {
		return false
	}
	g.busy.set()
	return !g.shut.Load() || g.turnBack()
}

// turnBack leaves at once.
func (g *Gate) turnBack() bool {
	g.Leave()
	return false
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

// Lend stays inside after the call has returned: its caller uses the memory until a
// call that begins with TakeBack.
func (g *Gate) Lend() {
	g.lent.set()
	if g.shut.Load() {
		g.tell()
	}
}

// TakeBack ends what Lend began: the caller is inside again. Where it reports false,
// whoever shut the gate has left the memory to the caller, who alone has it now.
//
// A Wait that has seen it lent comes after a barrier: then we see here that it is shut.
func (g *Gate) TakeBack() bool {
	g.lent.clear()
	return !g.shut.Load() || !g.isAbandoned()
}

func (g *Gate) isAbandoned() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.abandoned
}

// IsLent reports whether the memory is lent, to the one that may enter.
func (g *Gate) IsLent() bool { return g.lent.isSet() }

// IsShut reports whether Shut has been called.
func (g *Gate) IsShut() bool { return g.shut.Load() }

// Shut lets nobody in any more. It reports whether it was the first to do so.
func (g *Gate) Shut() bool { return !g.shut.Swap(true) }

// Wait returns when no call is inside. Shut comes before, and whoever is inside
// must notice it. Where it reports true, the memory is lent, and is its borrower's
// from Done on, for which TakeBack waits.
func (g *Gate) Wait() (abandoned bool) {
	sys.Barrier()
	for g.busy.isSet() && !g.abandon() {
		<-g.left
	}
	return g.abandoned
}

// abandon keeps the lock where it reports true: TakeBack waits for Done.
func (g *Gate) abandon() bool {
	g.mu.Lock()
	if g.abandoned = g.lent.isSet(); !g.abandoned {
		g.mu.Unlock()
	}
	return g.abandoned
}

// Done comes after a Wait: whoever shut the gate uses the memory no more.
func (g *Gate) Done() {
	if g.abandoned {
		g.mu.Unlock()
	}
}
