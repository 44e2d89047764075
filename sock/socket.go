package sock

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Conn is what has a Unix socket: a *net.UnixConn, or an *os.File that is
// non-blocking, as Pair makes it.
type Conn interface {
	syscall.Conn
	io.Closer
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// A Socket is a Unix socket. Any number of goroutines may use it at once, and
// Close it under others: each message is received by one of them, and what is sent
// on a Stream is never mixed.
type Socket struct {
	conn      Conn
	raw       syscall.RawConn
	kind      Kind
	sending   *sys.Direction
	receiving *sys.Direction
	turn      chan struct{} // whoever sends on a Stream has it until all is sent, and who connects
	closed    context.Context
	close     context.CancelCauseFunc

	mu    sync.Mutex
	rooms map[Addr]*room // where senders wait
	bound *name          // what Close removes
}

// New makes a socket that has no name and no peer (socket(2)). It is closed on exec.
//
// Errors: EPROTOTYPE for another kind; RLIMIT_NOFILE (EMFILE), file-max (ENFILE) and
// max_user_watches (ENOSPC) as limits; ENOMEM, ENOBUFS.
func New(kind Kind) (*Socket, error) {
	if !kind.known() {
		return nil, os.NewSyscallError("socket", unix.EPROTOTYPE)
	}
	fd, err := unix.Socket(unix.AF_UNIX, int(kind)|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", sys.OpenLimit(err))
	}
	return adopt(fd, "socket")
}

// adopt makes a Socket of a descriptor that is ours.
func adopt(fd int, name string) (*Socket, error) {
	file := os.NewFile(uintptr(fd), name)
	if err := sys.Pollable(file); err != nil {
		_ = file.Close()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return On(file)
}

// On makes a Socket of one that is there, to whom it belongs from now on: its
// deadlines carry the ends of contexts. Its owner may go on to read and write, but
// sets no deadline until Detach gives it back.
//
// Errors: os.ErrClosed; os.ErrNoDeadline for a file that is blocking; ENOTSOCK for
// what is no socket, and EAFNOSUPPORT for one of another family.
func On(c Conn) (*Socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &Socket{conn: c, raw: raw, turn: make(chan struct{}, 1), rooms: map[Addr]*room{}}
	if s.kind, err = kindOf(c); err != nil {
		return nil, os.NewSyscallError("getsockopt", err)
	}
	if err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{})); err != nil {
		return nil, err
	}
	s.closed, s.close = context.WithCancelCause(context.Background())
	s.sending = sys.NewDirection(raw.Write, c.SetWriteDeadline)
	s.receiving = sys.NewDirection(raw.Read, c.SetReadDeadline)
	return s, nil
}

// Kind is the kind of the socket.
func (s *Socket) Kind() Kind { return s.kind }

// Local is the socket's own name, "" if it has none (getsockname(2)). One that was
// bound to a long path has a name that means nothing to others.
func (s *Socket) Local() (Addr, error) { return s.ask("getsockname", sys.LocalUnix) }

// Remote is the name of the peer, "" if it has none (getpeername(2)). ENOTCONN:
// there is no peer.
func (s *Socket) Remote() (Addr, error) { return s.ask("getpeername", sys.RemoteUnix) }

func (s *Socket) ask(call string, f func(int) (sys.UnixName, error)) (a Addr, err error) {
	err = sys.Control(s, func(fd int) error {
		name, err := f(fd)
		a = Addr(name.String())
		return err
	})
	return a, os.NewSyscallError(call, err)
}

// take waits for the turn until ctx ends.
func (s *Socket) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// give is take's end.
func (s *Socket) give() { <-s.turn }

// SyscallConn lends the descriptor. It is non-blocking and must stay so.
func (s *Socket) SyscallConn() (syscall.RawConn, error) { return s.conn.SyscallConn() }

// SetSendBuffer sets how much the socket holds of what was sent and not yet
// received (SO_SNDBUF in socket(7)): the kernel doubles the number, for what it
// needs itself, and a message may be at most 32 bytes shorter than that. The limit is
// wmem_max: more is cut down to it without a word.
func (s *Socket) SetSendBuffer(size int) error { return s.set(unix.SO_SNDBUF, size) }

func (s *Socket) set(option, value int) error {
	err := sys.Control(s, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, value) })
	return os.NewSyscallError("setsockopt", err)
}

// CloseSend ends what we send (shutdown(2), SHUT_WR): on a Stream and a Packet the
// peer meets the end once it has received all. It can still send.
func (s *Socket) CloseSend() error {
	err := sys.Control(s, func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
	return os.NewSyscallError("shutdown", err)
}

// Close closes the socket, and removes the path that Bind gave it, unless that leads
// to something else by now. Calls that wait return, and their errors and those of
// later calls match os.ErrClosed. What the peer has not received yet, it still can.
func (s *Socket) Close() error {
	s.unlink()
	s.close(os.ErrClosed)
	err := s.conn.Close()
	s.leave()
	return err
}

// Detach gives the Conn back, for instance to pass it on, without closing it: for
// a Socket of New and Accept it is an *os.File. Its path stays. Nobody may use
// the Socket any more, nor be waiting in it.
func (s *Socket) Detach() Conn {
	s.leave()
	return s.conn
}

// leave ends what goes on in the background.
func (s *Socket) leave() {
	s.empty()
	s.sending.Disarm()
	s.receiving.Disarm()
}
