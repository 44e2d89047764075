package rendezvous

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
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
	return int64(id) != k.nobody() || k.complete()
}

// nobody is the number of all who have none. Without /proc it is the usual one: the others
// are somebody there, too.
func (k kindOfID) nobody() int64 {
	if id := sys.Setting(k.overflow, 0); id != math.MaxInt64 {
		return id
	}
	return 65534
}

// complete reports whether all IDs have numbers here (user_namespaces(7)). Where /proc does
// not tell, they may not.
func (k kindOfID) complete() bool {
	file, err := os.Open(k.mapping)
	if err != nil {
		_, noProc := os.Stat("/proc/self")
		return os.IsNotExist(err) && noProc == nil // a kernel without user namespaces
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
// kernel does, by what it lets us do to the peer.
func sameUser(c syscall.Conn, peer sock.Cred) bool {
	if peer.UID != os.Geteuid() || userIDs.means(peer.UID) {
		return peer.UID == os.Geteuid()
	}
	pidfd, err := sock.PeerPidfd(c)
	if err != nil {
		return false
	}
	defer pidfd.Close()
	// The signal comes last: who can be signalled has not left its PID to another.
	return isOurs(peer.PID) && sys.Control(pidfd, func(fd int) error { return unix.PidfdSendSignal(fd, 0, nil, 0) }) == nil
}

// isOurs asks for more than a signal takes, which is that one ID of the process is ours, as
// in a setuid program that a stranger runs: its /proc/PID/fd is root's, and so only for root
// looks like our own. (ptrace(2) would ask for all IDs, but never allows another namespace.)
// It wants a /proc that counts processes as we do.
func isOurs(pid int) bool {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return false
	}
	files, err := os.Open("/proc/" + strconv.Itoa(pid) + "/fd")
	_ = files.Close()
	return err == nil
}
