package shm

import (
	"context"
	"runtime"
)

// courtesy is how often Linger lets the others run. A goroutine that parks and is woken costs
// both processes some ten times the turns of those who wait in vain.
const courtesy = 32

// Linger is for a stream of bytes, before Lease: it lets this process's other goroutines run,
// a few times, until there is a record. Where many connections are busy, the peer has sent
// something meanwhile, mostly, and need not wake us. It returns early at the end of ctx, whose
// Err it asks each time.
func (r *receiver) Linger(ctx context.Context) {
	if !r.gate.Enter() {
		return
	}
	word := r.consumer.Word()
	for turn := 0; turn < courtesy && word.Load() == 0 && ctx.Err() == nil && !r.gate.IsShut(); turn++ {
		runtime.Gosched()
	}
	r.gate.Leave()
}
