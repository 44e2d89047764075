package sock

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Cred is who a process is, as seen from our namespaces: one that is not visible
// has PID 0, and a user or group that is not mapped is 65534.
type Cred struct {
	PID, UID, GID int
}

func newCred(c *unix.Ucred) *Cred {
	if c == nil {
		return nil
	}
	return &Cred{PID: int(c.Pid), UID: int(c.Uid), GID: int(c.Gid)}
}

// Peer asks the kernel who is at the other end of a Unix socket (SO_PEERCRED in
// unix(7)). On the side that accepts, that is who connected, at that moment; on the
// side that connects, who called listen(2), at that moment; on both ends of a
// socketpair(2), who made it, so a child that inherits one sees its parent.
//
// The kernel vouches for it, and it stays as it was: if the peer becomes another
// user, runs another program, passes the socket on, or dies. Its PID may then be another
// process's; see PeerPidfd.
//
// Errors: ENOTCONN where there is no peer, or the kernel does not know it, as with
// Datagrams that are no Pair; os.ErrClosed; ENOTSOCK.
func Peer(c syscall.Conn) (Cred, error) {
	var cred *unix.Ucred
	err := sys.Control(c, func(fd int) (err error) {
		cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil && cred.Pid == 0 && cred.Uid == nobody {
			err = unix.ENOTCONN
		}
		return os.NewSyscallError("getsockopt", err)
	})
	if err != nil {
		return Cred{}, err
	}
	return *newCred(cred), nil
}

// nobody is no user at all.
const nobody = 1<<32 - 1

// PeerGroups are the supplementary groups that the peer had at the moment of which
// Peer tells (SO_PEERGROUPS, Linux 4.13).
//
// Errors: as Peer; errors.ErrUnsupported.
func PeerGroups(c syscall.Conn) ([]int, error) {
	var groups []int
	err := sys.Control(c, func(fd int) error {
		ids, err := sys.PeerGroups(fd)
		for _, id := range ids {
			groups = append(groups, int(id))
		}
		return os.NewSyscallError("getsockopt", peerError(err))
	})
	return groups, err
}

// peerError gives the errnos of options of the peer one meaning each.
func peerError(err error) error {
	switch {
	case errors.Is(err, unix.ENODATA):
		return unix.ENOTCONN
	case errors.Is(err, unix.ENOPROTOOPT):
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}

// PassCred sets whether each message comes with the credentials of its sender
// (SO_PASSCRED in unix(7)). The kernel checks them: only root can send others than
// its own. Set it before Bind, Connect or Listen: what was sent before has PID 0, and
// user and group 65534. Sockets that are accepted have it from their listener.
//
// From a Stream, the bytes of several senders never come at once. A socket with it
// that has no name gets one when it sends or connects, as Bind gives to "".
func (s *Socket) PassCred(on bool) error { return s.set(unix.SO_PASSCRED, flag(on)) }

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}
