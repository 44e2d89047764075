package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ReceiveNow takes what a socket has at this moment, and fails with EAGAIN if
// that is nothing, whatever the mode of the descriptor: the peer may share it
// and change it. It cannot block, so the scheduler is not told of the call.
func ReceiveNow(fd int, p []byte) (int, error) {
	return transfer(unix.SYS_RECVFROM, fd, p, unix.MSG_DONTWAIT)
}

// SendNow gives a socket what it has room for at this moment. It raises no SIGPIPE.
func SendNow(fd int, p []byte) (int, error) {
	return transfer(unix.SYS_SENDTO, fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

func transfer(call uintptr, fd int, p []byte, flags uintptr) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
