package sock

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Kind is how a socket carries what it is given, socket(2).
type Kind int

// The kinds of Unix sockets. None of them loses, doubles or reorders anything.
const (
	Stream   Kind = unix.SOCK_STREAM    // connected; bytes, whose boundaries are not kept
	Packet   Kind = unix.SOCK_SEQPACKET // connected; whole messages, and an end
	Datagram Kind = unix.SOCK_DGRAM     // connected or not; whole messages, and no end
)

func (k Kind) String() string {
	switch k {
	case Stream:
		return "stream"
	case Packet:
		return "seqpacket"
	case Datagram:
		return "datagram"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

func (k Kind) known() bool { return k == Stream || k == Packet || k == Datagram }

// kindOf asks what a Unix socket is.
func kindOf(c syscall.Conn) (kind Kind, err error) {
	err = sys.Control(c, func(fd int) error {
		domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err == nil && domain != unix.AF_UNIX {
			err = unix.EAFNOSUPPORT
		}
		if err != nil {
			return err
		}
		number, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
		kind = Kind(number)
		return err
	})
	return kind, err
}
