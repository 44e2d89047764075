package sys

import (
	"math"
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
// other processes of the user find threads too. How many threads the user's other
// processes have, the kernel does not tell: if several wait with as many as they
// may (RLIMIT_NPROC), Go ends the one that gets no more.
var waiterLimit = sync.OnceValue(func() int64 {
	limit := min(mostWaiters, Resource(unix.RLIMIT_NPROC)/2)
	for _, crowd := range crowds() {
		limit = min(limit, crowd.most/2)
	}
	return limit
})

// A crowd is a control group that limits the threads of all processes in it.
type crowd struct {
	path string
	most int64
}

var crowds = sync.OnceValue(func() (all []crowd) {
	for group := range cgroups("pids") {
		if most := Setting(group+"/pids.max", 0); most < math.MaxInt64 {
			all = append(all, crowd{group, most})
		}
	}
	return all
})

// crowded refuses a thread where, with those of the neighbours, half of the limit
// is reached. Each asks when it is about to wait, and the kernel has counted those before it.
func (c *waiterCount) crowded() error {
	if c.Load() <= kept {
		return nil
	}
	for _, crowd := range crowds() {
		if setting(crowd.path+"/pids.current", 0, 0) > crowd.most/2 {
			return &ipc.LimitError{Limit: "pids.max", Max: crowd.most, Raise: crowd.path + "/pids.max", Err: ipc.ErrTooManyWaiting}
		}
	}
	return nil
}
