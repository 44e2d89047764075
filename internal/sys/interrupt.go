package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Interrupt is the real-time signal that makes a blocked system call return
// with EINTR (signal(7)). Kith sends it to threads of its own process alone.
const Interrupt = unix.Signal(60)

// An action is the kernel's struct sigaction, rt_sigaction(2).
type action struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// install gives Interrupt an action of its own, under which calls are not
// started again: Go's handlers ask for that (SA_RESTART). The handler does
// nothing and is not Go's, so no signal.Notify hears of it. All else is as in
// Go's action for SIGURG, which is always there: the signal stack, the full
// mask, the way back to the kernel. It is cheap, and repeated for each
// cancellation, since signal.Ignore or Reset may have undone it.
func install() {
	var a action
	sigaction(unix.SIGURG, nil, &a)
	a.flags &^= restart
	if handler := doNothing(); handler != 0 {
		a.handler = handler
	}
	sigaction(Interrupt, &a, nil)
}

func sigaction(signal unix.Signal, action, old *action) {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal),
		uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(old)), signalSetSize, 0, 0)
	if errno != 0 {
		panic("rt_sigaction: " + errno.Error()) // possible for a bad argument only
	}
}

const (
	restart       = 0x10000000 // SA_RESTART
	signalSetSize = 8          // of the kernel's sigset_t
)

// unmask lets this thread take Interrupt, which whoever started the process may
// have blocked: masks are inherited by threads and by programs.
func unmask() {
	var set unix.Sigset_t
	const word = 8 * unsafe.Sizeof(set.Val[0])
	set.Val[(Interrupt-1)/unix.Signal(word)] = 1 << ((Interrupt - 1) % unix.Signal(word))
	_ = unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
}
