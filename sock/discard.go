package sock

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// mostClosers is how many files may be closed at once: each can hold a thread.
const mostClosers = 64

// discards are the files that no closer has taken yet.
var discards struct {
	sync.Mutex
	backlog []*os.File
	closers int
}

// discard closes what a peer has chosen, and waits for none of it.
func discard(file *os.File) {
	waits := false
	_ = sys.Control(file, func(fd int) error { waits = mayLinger(fd); return nil })
	if !waits {
		_ = file.Close()
		return
	}
	discards.Lock()
	defer discards.Unlock()
	discards.backlog = append(discards.backlog, file)
	if discards.closers < mostClosers {
		discards.closers++
		go closeBacklog()
	}
}

// closeBacklog is a closer, which ends when nothing is left.
func closeBacklog() {
	for file := nextDiscard(); file != nil; file = nextDiscard() {
		_ = file.Close()
	}
}

func nextDiscard() (file *os.File) {
	discards.Lock()
	defer discards.Unlock()
	if len(discards.backlog) == 0 {
		discards.backlog = nil
		discards.closers--
		return nil
	}
	file, discards.backlog = discards.backlog[0], discards.backlog[1:]
	return file
}

// mayLinger reports whether close(2) may wait: for the server of a FUSE file, or until a
// socket has sent its last bytes. That is told not to, which its sender can undo.
func mayLinger(fd int) bool {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return asksServer(fd)
	}
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{})
	return domain != unix.AF_UNIX
}
