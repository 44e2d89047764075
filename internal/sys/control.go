package sys

import (
	"os"
	"syscall"
)

// Control runs f on the descriptor of c, which stays open meanwhile. The error
// matches os.ErrClosed where it is closed already.
func Control(c syscall.Conn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return os.ErrClosed // the runtime's own error does not match it
	}
	return inner
}
