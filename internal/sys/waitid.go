package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// childInfo is the siginfo_t that waitid(2) fills in: x/sys hides the union.
type childInfo struct {
	signo, errno, code int32

	_ [0]uintptr // the union begins at a word

	pid    int32
	uid    uint32
	status int32

	_ [128]byte // siginfo_t has 128 in all, and the kernel may write them
}

// ChildStatus is how a child that a pidfd names has ended, and leaves it a zombie, for
// whoever waits for it. ended is false while it has not, and while a debugger has it.
// Errors: ECHILD for what is no child of this process, or was waited for; EINVAL where the kernel
// knows no P_PIDFD (before Linux 5.4).
func ChildStatus(pidfd int) (status syscall.WaitStatus, ended bool, err error) {
	const options = unix.WEXITED | unix.WNOHANG | unix.WNOWAIT
	var info childInfo
	err = Again(func() error {
		return unix.Waitid(unix.P_PIDFD, pidfd, (*unix.Siginfo)(unsafe.Pointer(&info)), options, nil)
	})
	if err != nil || info.pid == 0 {
		return 0, false, err
	}
	switch info.code {
	case cldExited:
		return syscall.WaitStatus(info.status << 8), true, nil
	case cldDumped:
		return syscall.WaitStatus(info.status | 0x80), true, nil
	}
	return syscall.WaitStatus(info.status), true, nil
}

// The codes of SIGCHLD (sigaction(2)) that tell of an end; the third is CLD_KILLED.
const (
	cldExited = 1
	cldDumped = 3
)
