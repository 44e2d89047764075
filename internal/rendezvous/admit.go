package rendezvous

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"kith/sock"
)

// Admit checks who is at the other end of a Unix socket, as the kernel names it,
// before anything is shared. Who is not admitted is told so.
func (a Access) Admit(c net.Conn, form uint8) error {
	peer, err := sock.Peer(c.(syscall.Conn))
	if err != nil || sameUser(c.(syscall.Conn), peer) || inList(a.users, peer.UID, userIDs) {
		return err
	}
	groups, err := a.groupsOf(c.(syscall.Conn), peer)
	if err != nil || slices.ContainsFunc(groups, func(gid int) bool { return inList(a.groups, gid, groupIDs) }) {
		return err
	}
	_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // a new socket has room
	_, _ = c.Write(Refuse(form, syscall.EACCES).Bytes())
	return fmt.Errorf("the peer is uid %d, gid %d (pid %d), and neither uid %d nor in allow-uid= or allow-gid= (allow-uid=%d in the address would admit it): %w",
		peer.UID, peer.GID, peer.PID, os.Geteuid(), peer.UID, syscall.EACCES)
}

// groupsOf are all groups of the peer, where a list asks for them.
func (a Access) groupsOf(c syscall.Conn, peer sock.Cred) ([]int, error) {
	if len(a.groups) == 0 {
		return nil, nil
	}
	more, err := sock.PeerGroups(c)
	if errors.Is(err, errors.ErrUnsupported) {
		err = nil // before Linux 4.13 the first one has to do
	}
	return append(more, peer.GID), err
}
