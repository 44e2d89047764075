// Package sock is what package net leaves out of Unix sockets: who the peer
// is, and descriptors passed from process to process.
package sock

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Cred is who made the other end of a socket, at the moment it connected or
// listened (unix(7), SO_PEERCRED). The PID may since belong to another process.
type Cred struct {
	PID, UID, GID int
}

// Peer asks the kernel who is at the other end of a Unix socket.
func Peer(c syscall.Conn) (Cred, error) {
	var cred *unix.Ucred
	err := sys.Control(c, func(fd int) (err error) {
		cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return os.NewSyscallError("getsockopt", err)
	})
	if err != nil {
		return Cred{}, err
	}
	return Cred{PID: int(cred.Pid), UID: int(cred.Uid), GID: int(cred.Gid)}, nil
}
