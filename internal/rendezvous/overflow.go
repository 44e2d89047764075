package rendezvous

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/sock"
)

// A kindOfID is where the kernel says which IDs of a kind have a number here.
type kindOfID struct{ mapping, overflow string }

var (
	userIDs  = kindOfID{"/proc/self/uid_map", "/proc/sys/kernel/overflowuid"}
	groupIDs = kindOfID{"/proc/self/gid_map", "/proc/sys/kernel/overflowgid"}
)

// means reports whether an ID that the kernel told of a peer is somebody in particular:
// in a user namespace, all who have no number there are seen as one, 65534.
func (k kindOfID) means(id int) bool {
	return int64(id) != sys.Setting(k.overflow, 0) || k.complete()
}

// complete reports whether all IDs have numbers here (user_namespaces(7)).
func (k kindOfID) complete() bool {
	file, err := os.Open(k.mapping)
	if err != nil {
		return os.IsNotExist(err) // a kernel without user namespaces
	}
	defer file.Close()
	all := uint64(0)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(lines.Text(), &inside, &outside, &count); err == nil {
			all += count
		}
	}
	return all == 1<<32-1
}

func inList(list []int, id int, kind kindOfID) bool {
	return slices.Contains(list, id) && kind.means(id)
}

// sameUser reports whether the peer is of this user. Where the number does not tell, the
// kernel does, by whether we might signal the peer.
func sameUser(c syscall.Conn, peer sock.Cred) bool {
	if peer.UID != os.Geteuid() || userIDs.means(peer.UID) {
		return peer.UID == os.Geteuid()
	}
	pidfd, err := sock.PeerPidfd(c)
	if err != nil {
		return false
	}
	defer pidfd.Close()
	return sys.Control(pidfd, func(fd int) error { return unix.PidfdSendSignal(fd, 0, nil, 0) }) == nil
}
