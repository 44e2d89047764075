package rendezvous

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"kith/sock"
)

// Admit is the policy on who may be at the other end of a Unix socket: the
// same user, as the kernel names it. Who is not admitted is told so.
func Admit(c net.Conn, form uint8) error {
	peer, err := sock.Peer(c.(syscall.Conn))
	if err != nil {
		return err
	}
	if peer.UID == os.Geteuid() {
		return nil
	}
	_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // a new socket has room
	_, _ = c.Write(Refuse(form, syscall.EACCES).Bytes())
	return fmt.Errorf("the peer is uid %d (pid %d), only uid %d is admitted: %w", peer.UID, peer.PID, os.Geteuid(), syscall.EACCES)
}
