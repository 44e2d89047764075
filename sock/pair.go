package sock

import (
	"os"

	"golang.org/x/sys/unix"
)

// Pair makes two Unix sockets that are connected to each other, without a
// name: sequenced packets, non-blocking, closed on exec (socketpair(2)).
func Pair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "socketpair"), os.NewFile(uintptr(fds[1]), "socketpair"), nil
}
