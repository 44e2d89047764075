package sock

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// PeerPidfd is a pidfd of the peer that Peer tells of (SO_PEERPIDFD, Linux 6.5): it
// means that process for ever, also when it has ended and its PID is another's. A
// pidfd is readable when the process has ended; see pidfd_open(2) and
// pidfd_send_signal(2).
//
// Where the peer has ended and was waited for, Linux since 6.16 returns a pidfd which
// tells that; before that, the error is ESRCH or EINVAL.
//
// Errors: as Peer; errors.ErrUnsupported; RLIMIT_NOFILE (EMFILE) as a limit.
func PeerPidfd(c syscall.Conn) (*os.File, error) {
	var file *os.File
	err := sys.Control(c, func(fd int) error {
		pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
		if err == nil {
			file = newPidfd(pidfd)
		}
		return os.NewSyscallError("getsockopt", sys.OpenLimit(peerError(err)))
	})
	return file, err
}

// PassPidfd sets whether each message comes with a pidfd of its sender (SO_PASSPIDFD,
// Linux 6.5). Set it before Bind, Listen or Connect: a message that was sent before
// has none. The caller closes each, as by Message.Close.
//
// Errors: errors.ErrUnsupported.
func (s *Socket) PassPidfd(on bool) error {
	err := sys.Control(s, func(fd int) error {
		return peerError(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSPIDFD, flag(on)))
	})
	return os.NewSyscallError("setsockopt", err)
}

// parsePidfd is for SCM_PIDFD: a negative number says why there is none.
func parsePidfd(data []byte) (*os.File, error) {
	if len(data) < 4 {
		return nil, nil
	}
	fd := int32(binary.NativeEndian.Uint32(data))
	if fd >= 0 {
		return newPidfd(int(fd)), nil
	}
	if errno := unix.Errno(-fd); errno == unix.EMFILE || errno == unix.ENFILE {
		return nil, fmt.Errorf("%w: %w", ErrFiles, sys.OpenLimit(errno))
	}
	return nil, nil // it has gone
}

// newPidfd lets the netpoller wait for it.
func newPidfd(fd int) *os.File {
	_ = unix.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), "pidfd")
}
