package sys

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PeerGroups are the supplementary groups of whoever is at the other end of a Unix
// socket (SO_PEERGROUPS, Linux 4.13), which x/sys cannot ask for.
func PeerGroups(fd int) ([]uint32, error) {
	groups := make([]uint32, 32) // most have fewer
	for {
		size := uint32(len(groups)) * 4
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(unsafe.SliceData(groups))), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errors.Is(errno, unix.ERANGE) && int(size/4) > len(groups):
			groups = make([]uint32, size/4) // the kernel said how many there are; they do not change
		default:
			return nil, errno
		}
	}
}
