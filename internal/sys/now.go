package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ReceiveNow takes what a socket has at this moment, and fails with EAGAIN if
// that is nothing. It cannot block, so the scheduler is not told of the call.
func ReceiveNow(fd int, p []byte) (int, error) {
	return transfer(unix.RawSyscall6, unix.SYS_RECVFROM, fd, p, unix.MSG_DONTWAIT)
}

// ReceiveShared is ReceiveNow for a socket of which the peer may have the very
// same end: it could keep its lock in the kernel for as long as it likes, so the
// scheduler has to know.
func ReceiveShared(fd int, p []byte) (int, error) {
	return transfer(unix.Syscall6, unix.SYS_RECVFROM, fd, p, unix.MSG_DONTWAIT)
}

// SendNow gives a socket what it has room for at this moment. It raises no
// SIGPIPE. It cannot block, so the scheduler is not told of the call.
func SendNow(fd int, p []byte) (int, error) {
	return transfer(unix.RawSyscall6, unix.SYS_SENDTO, fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

type syscall6 func(call, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err syscall.Errno)

func transfer(enter syscall6, call uintptr, fd int, p []byte, flags uintptr) (int, error) {
	for {
		n, _, errno := enter(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
