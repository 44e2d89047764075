package sys

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"kith/ipc"
)

// mostWaiters is how many threads of a process may wait in the kernel. Go ends
// a process that has 10,000 threads, and one for which the kernel makes no more.
const mostWaiters = 2000

// waiters counts the threads that wait in Block.
var waiters waiterCount

type waiterCount struct{ atomic.Int64 }

func (c *waiterCount) enter() error {
	if most := waiterLimit(); c.Add(1) > most {
		c.Add(-1)
		return &ipc.LimitError{Limit: "threads that wait in the kernel", Max: most, Err: ipc.ErrTooManyWaiting}
	}
	return nil
}

// leave returns how many wait still.
func (c *waiterCount) leave() int64 { return c.Add(-1) }

// waiterLimit is half of what this process may have, so that the runtime and
// other processes of the user find threads too.
var waiterLimit = sync.OnceValue(func() int64 {
	limit := int64(mostWaiters)
	for group := range cgroups("pids") {
		limit = min(limit, Setting(group+"/pids.max", 0)/2)
	}
	if unix.Geteuid() != 0 {
		limit = min(limit, Resource(unix.RLIMIT_NPROC)/2)
	}
	return limit
})
