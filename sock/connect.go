package sock

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Connect connects the socket to the one that has the name (connect(2)). A Stream
// and a Packet are connected once, to one that listens; while its queue of those
// who were not accepted yet is full, Connect waits, in a thread (see package ipc).
//
// A Datagram sends to its peer from then on, and hears of nobody else: others who
// send to it get EPERM, but what they sent before is still there. It can be connected
// anew, and with "" it has no peer any more. Then what it has not received yet is
// lost, which a peer that was connected to it learns by ECONNRESET.
//
// A path of more than 108 bytes is reached by way of /proc.
//
// Errors: ECONNREFUSED where nobody listens, or the file is that of a process that
// died, or no socket at all; ENOENT; EACCES without the right to write to the file,
// or to search its directories; EPROTOTYPE where the other is of another kind; EPERM
// where it is a Datagram that is connected to somebody else; EISCONN, EINVAL where
// the socket is connected, or listens; ENAMETOOLONG, ENOTDIR, ELOOP; the cause of
// ctx's end; os.ErrClosed; ipc.ErrTooManyWaiting.
func (s *Socket) Connect(ctx context.Context, addr Addr) error {
	if ctx.Err() != nil {
		return failed("connect", addr, context.Cause(ctx))
	}
	if addr == "" {
		return failed("connect", addr, s.disconnect())
	}
	name, release, err := addr.resolve()
	if err == nil {
		defer release()
		err = s.connect(ctx, &name)
	}
	return failed("connect", addr, err)
}

func (s *Socket) connect(ctx context.Context, name *sys.UnixName) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	return sys.Control(s, func(fd int) error {
		err := sys.Again(func() error { return sys.ConnectUnix(fd, name) })
		if s.kind != Datagram && again(err) {
			err = s.connectBlocking(ctx, fd, name)
		}
		return err
	})
}

// connectBlocking waits for room in the listener's queue, which no poll tells of. It
// has the turn: nobody else may meet the descriptor while it is blocking.
func (s *Socket) connectBlocking(ctx context.Context, fd int, name *sys.UnixName) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.closed, func() { cancel(os.ErrClosed) })()
	if err := unix.SetNonblock(fd, false); err != nil {
		return err
	}
	err := sys.Block(ctx, func() error { return sys.ConnectUnix(fd, name) }, nil)
	return errors.Join(err, unix.SetNonblock(fd, true))
}

func (s *Socket) disconnect() error {
	if s.kind != Datagram {
		return unix.EINVAL
	}
	return sys.Control(s, sys.DisconnectUnix)
}
