package shm

import (
	"math"
	"sync"
	"sync/atomic"
)

// A gate counts who uses the memory, and ends it behind the last.
type gate struct {
	users  atomic.Int64 // and shut, once it is closed
	closed atomic.Bool
	last   sync.Once
	end    func()
}

const shut = math.MinInt64 / 2

// enter reports whether the memory may be used, until leave.
func (g *gate) enter() bool {
	if g.users.Add(1) > 0 {
		return true
	}
	g.leave() // it may be the last: who left before it saw this one
	return false
}

func (g *gate) leave() { g.add(-1) }

// close lets nobody in any more. It reports whether it was the first to.
func (g *gate) close() bool {
	if !g.closed.CompareAndSwap(false, true) {
		return false
	}
	g.add(shut)
	return true
}

func (g *gate) add(n int64) {
	if g.users.Add(n) == shut {
		g.last.Do(g.end)
	}
}
