package sock

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A Message is what Receive has taken.
type Message struct {
	N     int        // bytes of the buffer that were filled
	From  Addr       // the sender's name; "" if it has none
	Files []*os.File // the caller's, and closed on exec
	Cred  *Cred      // the sender's; nil without PassCred
	Pidfd *os.File   // the sender; nil without PassPidfd, or where it has gone
}

// Close closes the descriptors that came with the message. It does not wait where close(2)
// of one does.
func (m *Message) Close() {
	for _, file := range m.Files {
		discard(file)
	}
	if m.Pidfd != nil {
		_ = m.Pidfd.Close()
	}
}

// Receive takes the next message into the buffer, with as many descriptors as are
// expected, and waits for it until ctx ends (recvmsg(2)). The buffer is the caller's
// again when Receive returns.
//
// From a Packet and a Datagram comes one message, for which the buffer must have room.
// From a Stream come the bytes that are there, at least one; they end where those end
// with which descriptors were sent, so those of two messages never come at once, but
// bytes may come before theirs. An empty message on a Packet is one without bytes; if
// it is among the last before the peer closed, it cannot be told from the end, and is
// passed over.
//
// A descriptor is another one of the same open file: of its flags only close-on-exec
// is our own. If it is blocking, so are its reads, which hold a thread; so are those of
// an epoll, and of a file that a FUSE server may keep waiting. To close one can wait, too:
// for that server, or until a socket that lingers has nothing left to send. Receive
// itself does not wait for what it closes.
//
// Errors: io.EOF where the peer of a Stream or a Packet has closed, died, or called
// CloseSend; the cause of ctx's end; os.ErrClosed; EINVAL for a Stream without a peer
// or a buffer, ENOTCONN for a Packet without a peer; ECONNRESET, once, where the peer
// closed without having received all, or the peer of a Datagram took another: on these two kinds
// it may come before messages that are still there, so call again. A message is
// taken, and its descriptors are closed, with a *TruncatedError, and with ErrFiles,
// which comes with the limit RLIMIT_NOFILE (EMFILE) where this process cannot have so
// many. The Message then still has N, From and Cred.
func (s *Socket) Receive(ctx context.Context, buffer []byte, expected Count) (Message, error) {
	return s.receive(buffer, expected, func(t *transfer) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := s.try(t, t.takeOnce)
		if again(err) {
			err = wait(ctx, s.receiving, t, t.takeUntil)
		}
		return err
	})
}

// TryReceive is Receive without waiting: ErrEmpty.
func (s *Socket) TryReceive(buffer []byte, expected Count) (Message, error) {
	return s.receive(buffer, expected, func(t *transfer) error { return s.try(t, t.takeOnce) })
}

func (s *Socket) receive(buffer []byte, expected Count, do func(*transfer) error) (m Message, err error) {
	t := newTransfer(s.kind, buffer)
	defer t.release()
	if s.kind == Stream && len(buffer) == 0 {
		return m, os.NewSyscallError("recvmsg", unix.EINVAL)
	}
	switch err = do(t); {
	case again(err):
		return m, os.NewSyscallError("recvmsg", ErrEmpty)
	case err != nil:
		return m, os.NewSyscallError("recvmsg", err)
	case t.ended:
		return m, io.EOF
	}
	m, err = t.message(expected)
	return m, os.NewSyscallError("recvmsg", err)
}

// message makes a Message of what came.
func (t *transfer) message(expected Count) (Message, error) {
	m := Message{N: min(t.n, len(t.Bytes)), From: Addr(t.Name.String())}
	err := m.parse(t.Control[:t.ControlLength])
	if err == nil {
		err = m.check(t.Flags, expected)
	}
	if err == nil && t.Flags&unix.MSG_TRUNC != 0 {
		err = &TruncatedError{Size: t.n}
	}
	if err != nil {
		m.Close()
		m.Files, m.Pidfd = nil, nil
	}
	return m, err
}
