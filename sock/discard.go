package sock

import (
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// discards are as many as may be closed at once: each can hold a thread.
var discards = make(chan struct{}, 64)

// discard closes what a peer has chosen, and waits for none of it.
func discard(file *os.File) {
	waits := false
	_ = sys.Control(file, func(fd int) error { waits = mayLinger(fd); return nil })
	if !waits {
		_ = file.Close()
		return
	}
	discards <- struct{}{}
	go func() {
		_ = file.Close()
		<-discards
	}()
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
