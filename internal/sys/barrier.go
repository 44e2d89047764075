package sys

import (
	"sync"

	"golang.org/x/sys/unix"
)

const (
	membarrierGlobalExpedited         = 1 << 1
	membarrierRegisterGlobalExpedited = 1 << 2
)

// registered is whether the kernel lets this process take part in Barrier.
var registered = sync.OnceValue(func() bool {
	_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, membarrierRegisterGlobalExpedited, 0, 0)
	return errno == 0
})

// HaveBarrier reports whether Barrier works, and makes this process one of
// those that it reaches.
func HaveBarrier() bool { return registered() }

// Barrier makes every running thread of every process that has asked for it
// (HaveBarrier) go through a full memory fence: what a thread stored before is
// visible to us afterwards, and what it loads after sees what we stored before
// (membarrier(2)). So one side of a store-then-look protocol pays for the
// fence of both, and the other side's store can be a plain one.
func Barrier() {
	_, _, _ = unix.RawSyscall(unix.SYS_MEMBARRIER, membarrierGlobalExpedited, 0, 0)
}
