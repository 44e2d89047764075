package sock

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"kith/ipc"
)

// MaxFiles is how many descriptors one message can carry (SCM_MAX_FD).
const MaxFiles = 253

// Send sends a message to the peer, with descriptors, and waits for room until ctx
// ends (sendmsg(2), SCM_RIGHTS in unix(7)). The files stay the caller's, who may
// close them when Send returns; the receiver gets descriptors of its own of the same
// open files, so offset, status flags and locks are shared.
//
// On a Packet and a Datagram a message goes whole or not at all. On a Stream the
// bytes go in order, in as many pieces as it takes, and the descriptors with the
// first of them, so there must be one (EINVAL).
//
// Errors: the cause of ctx's end; os.ErrClosed, for a file too; ENOTCONN; EPIPE where
// the peer has closed, or CloseSend was called; on a Datagram, ECONNREFUSED where the
// peer has closed (from then on ENOTCONN), and EPERM where it is connected to another;
// ECONNRESET, once, where the peer of a Datagram took another and lost what we had
// sent; *PartialError on a Stream. As limits: EMSGSIZE for a message that is longer than the send buffer;
// EINVAL for more than MaxFiles; ETOOMANYREFS for a user without privileges whose
// processes have more descriptors on the way than RLIMIT_NOFILE.
func (s *Socket) Send(ctx context.Context, message []byte, files ...*os.File) error {
	return s.send("", message, files, func(t *transfer) error { return s.sendWaiting(ctx, t) })
}

// TrySend is Send without waiting: ErrFull. On a Stream, where a part has gone, that
// is in a *PartialError.
func (s *Socket) TrySend(message []byte, files ...*os.File) error {
	return s.send("", message, files, s.sendNow)
}

// SendTo sends a message from a Datagram to the socket that has the name now, and
// waits for room there until ctx ends (sendto(2)). It needs no peer, and passes over
// one that is there. The receiver sees the sender's name, if it has one.
//
// A receiver's queue holds max_dgram_qlen messages and one (11, usually), whoever
// sent them. If another socket takes the name while SendTo waits, the message goes
// to that, within a second. What was sent counts against our send buffer until it is
// received: one receiver that takes nothing can so keep us from sending to others.
//
// Errors: those of Send; those of Connect for the name; EINVAL for no name; EISCONN
// where the socket is no Datagram.
func (s *Socket) SendTo(ctx context.Context, to Addr, message []byte, files ...*os.File) error {
	return s.sendTo(to, message, files, func(t *transfer) error { return s.sendWaiting(ctx, t) })
}

// TrySendTo is SendTo without waiting: ErrFull.
func (s *Socket) TrySendTo(to Addr, message []byte, files ...*os.File) error {
	return s.sendTo(to, message, files, s.sendNow)
}

func (s *Socket) sendTo(to Addr, message []byte, files []*os.File, do func(*transfer) error) error {
	switch {
	case s.kind != Datagram:
		return failed("sendmsg", to, unix.EISCONN)
	case to == "":
		return failed("sendmsg", to, unix.EINVAL)
	}
	return s.send(to, message, files, do)
}

func (s *Socket) send(to Addr, message []byte, files []*os.File, do func(*transfer) error) error {
	err := s.checkSend(message, files)
	if err == nil {
		t := newTransfer(s.kind, message)
		t.to, t.files = to, files
		if err = do(t); err != nil {
			err = s.sendError(t, err)
		}
		t.release()
	}
	if to != "" {
		return failed("sendmsg", to, err)
	}
	return os.NewSyscallError("sendmsg", err)
}

func (s *Socket) checkSend(message []byte, files []*os.File) error {
	switch {
	case len(files) > MaxFiles:
		return &ipc.LimitError{Limit: "SCM_MAX_FD", Max: MaxFiles, Raise: "it is fixed", Err: unix.EINVAL}
	case s.kind == Stream && len(message) == 0 && len(files) > 0:
		return unix.EINVAL // the kernel would report success, and send nothing
	}
	return nil
}

func (s *Socket) sendWaiting(ctx context.Context, t *transfer) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.kind == Stream {
		if err := s.take(ctx); err != nil {
			return err
		}
		defer s.give()
	}
	err := s.aimed(t)
	if again(err) {
		err = s.awaitRoom(ctx, t)
	}
	return err
}

func (s *Socket) sendNow(t *transfer) error {
	if s.kind == Stream {
		select {
		case s.turn <- struct{}{}:
			defer s.give()
		default:
			return unix.EAGAIN // another Send is in the midst of its bytes
		}
	}
	return s.aimed(t)
}

// aimed sends to whoever has the name now, if there is room.
func (s *Socket) aimed(t *transfer) error {
	if t.to != "" {
		name, release, err := t.to.resolve()
		if err != nil {
			return err
		}
		defer release()
		t.Name = name
	}
	return s.try(t, t.sendOnce)
}

func (s *Socket) try(t *transfer, once func(uintptr)) error {
	if s.raw.Control(once) != nil {
		return os.ErrClosed // the runtime's own error does not match it
	}
	return t.err
}
