package sys

import (
	"errors"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The operations of futex(2) on memory that processes share.
const (
	futexWait = 0
	futexWake = 1
)

// FutexWait waits while the word has the value, until it is woken or the time is
// up. It returns nil early too, as whoever waits must look again anyhow; EINTR is
// a signal, and then no FutexWake was spent on this call.
func FutexWait(word *atomic.Uint32, value uint32, most time.Duration) error {
	timeout := unix.NsecToTimespec(most.Nanoseconds())
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(value), uintptr(unsafe.Pointer(&timeout)), 0, 0)
	if err := failed(errno); !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.ETIMEDOUT) {
		return err
	}
	return nil
}

// FutexWake wakes at most so many of those who wait for the word, in whatever
// process, and returns how many it was.
func FutexWake(word *atomic.Uint32, most int) (int, error) {
	woken, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, uintptr(most), 0, 0, 0)
	return int(woken), failed(errno)
}
