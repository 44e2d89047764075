package sock

import (
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Pair makes two sockets that are connected to each other, without a name:
// non-blocking, closed on exec (socketpair(2)). One usually goes to another process,
// and On makes a Socket of the other.
//
// Errors: EPROTOTYPE for another kind; RLIMIT_NOFILE (EMFILE) and file-max (ENFILE)
// as limits.
func Pair(kind Kind) (a, b *os.File, err error) {
	if !kind.known() {
		return nil, nil, os.NewSyscallError("socketpair", unix.EPROTOTYPE)
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, int(kind)|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", sys.OpenLimit(err))
	}
	return os.NewFile(uintptr(fds[0]), "socketpair"), os.NewFile(uintptr(fds[1]), "socketpair"), nil
}
