package mq

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Selection says which message a receiver takes, msgop(2). The zero value
// takes the oldest.
type Selection struct {
	// Type 0: the oldest message. Above 0: the oldest of this type. Below 0: the
	// oldest of the lowest type there is, up to -Type.
	Type int64
	// Except takes the oldest of any type but Type, which must be above 0 (MSG_EXCEPT).
	Except bool
	// Truncate cuts a message that is longer than the buffer, and its rest is
	// lost (MSG_NOERROR). Without, it stays in the queue, and the call fails.
	Truncate bool
}

func (s Selection) flags() (flags int) {
	if s.Except {
		flags |= sys.MsgExcept
	}
	if s.Truncate {
		flags |= sys.MsgNoError
	}
	return flags
}

// Send sends a message of a type, which is above 0, and waits for room until ctx
// ends (msgsnd(2)). The message is copied, and may be empty.
//
// Errors: the cause of ctx's end; EACCES; EINVAL for a type below 1, and where
// there is no such queue; EIDRM where it was removed meanwhile; ENOMEM; as a limit,
// a message longer than MSGMAX (EINVAL), or than the queue holds (EAGAIN: where C
// would wait for ever), and too many calls that wait.
func (q *SysV) Send(ctx context.Context, message []byte, kind int64) error {
	return q.send(kind, message, func(f *frame) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := q.msgsnd(kind, f, unix.IPC_NOWAIT)
		if !errors.Is(err, ErrFull) {
			return err
		}
		return sys.Block(ctx, func() error { return q.msgsnd(kind, f, 0) }, nil)
	})
}

// TrySend is Send without waiting: ErrFull.
func (q *SysV) TrySend(message []byte, kind int64) error {
	return q.send(kind, message, func(f *frame) error { return q.msgsnd(kind, f, unix.IPC_NOWAIT) })
}

func (q *SysV) send(kind int64, message []byte, do func(*frame) error) error {
	if len(message) > usual && tooLong(len(message)) {
		return os.NewSyscallError("msgsnd", q.sendError(unix.EINVAL, kind, len(message))) // before it is copied
	}
	f := newFrame(len(message))
	defer f.release()
	copy(f.body(), message)
	return os.NewSyscallError("msgsnd", do(f))
}

func (q *SysV) msgsnd(kind int64, f *frame, flags int) error {
	err := sys.Msgsnd(q.id, kind, f.bytes, flags)
	if err == nil {
		return nil
	}
	return q.sendError(err, kind, len(f.body()))
}

// Receive takes a message into the buffer, and waits for one that is selected
// until ctx ends (msgrcv(2)). The buffer is the caller's again when Receive
// returns. Which type and length come is the sender's choice.
//
// Errors: the cause of ctx's end; EACCES; E2BIG and io.ErrShortBuffer where the
// message is longer than the buffer and stays; EINVAL where there is no such queue,
// and for Except with a Type below 1; EIDRM where it was removed meanwhile; as a
// limit, too many calls that wait.
func (q *SysV) Receive(ctx context.Context, which Selection, buffer []byte) (n int, kind int64, err error) {
	return q.receive(buffer, func(f *frame) (n int, err error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		n, err = q.take(which, f, unix.IPC_NOWAIT)
		if !errors.Is(err, ErrEmpty) {
			return n, err
		}
		return q.receiveBlocked(ctx, which, f)
	})
}

func (q *SysV) receiveBlocked(ctx context.Context, which Selection, f *frame) (n int, err error) {
	err = sys.Block(ctx, func() (err error) {
		n, err = q.take(which, f, 0)
		return err
	}, nil)
	return n, err
}

// TryReceive is Receive without waiting: ErrEmpty.
func (q *SysV) TryReceive(which Selection, buffer []byte) (n int, kind int64, err error) {
	return q.receive(buffer, func(f *frame) (int, error) {
		return q.take(which, f, unix.IPC_NOWAIT)
	})
}

// Peek copies a message and leaves it in the queue: that at index, counted from
// 0, the oldest (MSG_COPY). Others may take messages meanwhile, so two calls need
// not speak of the same queue. It does not wait.
//
// Errors: ErrEmpty where there are not so many messages; E2BIG and io.ErrShortBuffer;
// EACCES, EINVAL, EIDRM as in Receive; EINVAL for an index below 0; ENOSYS, which is
// errors.ErrUnsupported, where the kernel lacks CONFIG_CHECKPOINT_RESTORE.
func (q *SysV) Peek(index int, buffer []byte) (n int, kind int64, err error) {
	return q.receive(buffer, func(f *frame) (int, error) {
		if index < 0 {
			return 0, unix.EINVAL
		}
		return q.msgrcv(int64(index), f, sys.MsgCopy|unix.IPC_NOWAIT)
	})
}

func (q *SysV) receive(buffer []byte, do func(*frame) (int, error)) (n int, kind int64, err error) {
	f := newFrame(len(buffer))
	defer f.release()
	if n, err = do(f); err != nil {
		return 0, 0, os.NewSyscallError("msgrcv", err)
	}
	return copy(buffer, f.body()[:n]), sys.MsgType(f.bytes), nil
}

func (q *SysV) take(which Selection, f *frame, flags int) (int, error) {
	if which.Except && which.Type <= 0 {
		return 0, unix.EINVAL // the kernel would take it for one without Except
	}
	return q.msgrcv(which.Type, f, which.flags()|flags)
}

func (q *SysV) msgrcv(kind int64, f *frame, flags int) (int, error) {
	n, err := sys.Msgrcv(q.id, kind, f.bytes, flags)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, unix.ENOMSG):
		err = ErrEmpty
	case errors.Is(err, unix.E2BIG):
		err = tooShort(err)
	case errors.Is(err, unix.ENOSYS):
		err = fmt.Errorf("%w: %w", errNoCopy, err)
	}
	return 0, err
}

// A frame is a message as the kernel wants it, struct msgbuf: in one piece with
// its type. Whoever has one is alone with it, until the system call is over.
type frame struct{ bytes []byte }

var frames = sync.Pool{New: func() any { return new(frame) }}

func newFrame(body int) *frame {
	f := frames.Get().(*frame)
	size := sys.MsgHeader + body
	if cap(f.bytes) < size {
		f.bytes = make([]byte, size)
	}
	f.bytes = f.bytes[:size]
	return f
}

func (f *frame) body() []byte { return f.bytes[sys.MsgHeader:] }

// usual is the size up to which frames are kept for the next message.
const usual = 64 << 10

func (f *frame) release() {
	if cap(f.bytes) <= sys.MsgHeader+usual {
		frames.Put(f)
	}
}
