package sock

import (
	"context"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Listen makes a Stream or a Packet that has a name take connections (listen(2)). Its
// queue is as long as somaxconn allows.
//
// Errors: EINVAL where it has no name, or is connected; EOPNOTSUPP for a Datagram;
// os.ErrClosed.
func (s *Socket) Listen() error {
	err := sys.Control(s, func(fd int) error { return unix.Listen(fd, math.MaxInt32) })
	return os.NewSyscallError("listen", err)
}

// Accept takes the connection that has waited longest, and waits for one until ctx
// ends (accept(2)). PassCred and PassPidfd of the new Socket are those of s.
//
// Errors: the cause of ctx's end; os.ErrClosed; EINVAL where the socket does not
// listen; EOPNOTSUPP for a Datagram; RLIMIT_NOFILE (EMFILE) and file-max (ENFILE) as
// limits, and the connection then still waits; max_user_watches (ENOSPC), and it is
// closed.
func (s *Socket) Accept(ctx context.Context) (*Socket, error) {
	fd := -1
	err := context.Cause(ctx)
	if err == nil {
		var inner error
		err = s.receiving.Wait(ctx, func(listener uintptr) bool {
			inner = sys.Again(func() (err error) {
				fd, _, err = unix.Accept4(int(listener), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
				return err
			})
			return !again(inner)
		})
		if err == nil {
			err = sys.OpenLimit(inner)
		}
	}
	if err != nil {
		return nil, os.NewSyscallError("accept", err)
	}
	return adopt(fd, "accepted")
}
