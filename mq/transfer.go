package mq

import (
	"context"
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// MaxPriority is the highest priority of a Queue's message (MQ_PRIO_MAX - 1).
const MaxPriority = 32767

// Send sends a message, and waits for room until ctx ends (mq_send(3)). Messages
// of a higher priority are received first, those of one priority in the order
// in which they were sent. The message is copied, and may be empty.
//
// Errors: os.ErrClosed; the cause of ctx's end; EBADF where the queue is open
// for receiving alone; as a limit, EMSGSIZE where the message is longer than the
// queue allows, and EINVAL where the priority is over MaxPriority.
func (q *Queue) Send(ctx context.Context, message []byte, priority uint32) error {
	return q.send(message, priority, func(t *transfer) error { return q.wait(ctx, q.sending, t) })
}

// TrySend is Send without waiting: ErrFull.
func (q *Queue) TrySend(message []byte, priority uint32) error {
	return q.send(message, priority, q.try)
}

// Receive takes the oldest message of the highest priority into the buffer, and
// waits for one until ctx ends (mq_receive(3)). The buffer must have room for
// the longest message that the queue allows, whatever comes: Stat().Size. It is
// the caller's again when Receive returns.
//
// Errors: os.ErrClosed; the cause of ctx's end; EBADF where the queue is open
// for sending alone; EMSGSIZE and io.ErrShortBuffer where the buffer is too short.
func (q *Queue) Receive(ctx context.Context, buffer []byte) (n int, priority uint32, err error) {
	return q.receive(buffer, func(t *transfer) error { return q.wait(ctx, q.taking, t) })
}

// TryReceive is Receive without waiting: ErrEmpty.
func (q *Queue) TryReceive(buffer []byte) (n int, priority uint32, err error) {
	return q.receive(buffer, q.try)
}

func (q *Queue) send(message []byte, priority uint32, do func(*transfer) error) error {
	if priority > MaxPriority {
		return failed("mq_send", q.name, &ipc.LimitError{Limit: "MQ_PRIO_MAX", Max: MaxPriority + 1, Raise: "it is fixed", Err: unix.EINVAL})
	}
	t := transfers.Get().(*transfer)
	defer t.release()
	t.sends, t.bytes, t.priority = true, message, priority
	return failed("mq_send", q.name, q.sendError(do(t)))
}

func (q *Queue) receive(buffer []byte, do func(*transfer) error) (n int, priority uint32, err error) {
	t := transfers.Get().(*transfer)
	defer t.release()
	t.sends, t.bytes = false, buffer
	if err := do(t); err != nil {
		return 0, 0, failed("mq_receive", q.name, receiveError(err))
	}
	return t.n, t.priority, nil
}

func (q *Queue) wait(ctx context.Context, d *sys.Direction, t *transfer) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := q.try(t)
	if err != unix.EAGAIN { //nolint:errorlint // a bare errno, on the hot path
		return err
	}
	if err := d.Wait(ctx, t.until); err != nil {
		return err
	}
	return t.err
}

func (q *Queue) try(t *transfer) error {
	if q.raw.Control(t.once) != nil {
		return os.ErrClosed // the runtime's own error does not match it
	}
	return t.err
}

func (q *Queue) sendError(err error) error {
	switch {
	case errors.Is(err, unix.EAGAIN):
		return ErrFull
	case errors.Is(err, unix.EMSGSIZE):
		return q.sizeLimit(err)
	}
	return err
}

func receiveError(err error) error {
	switch {
	case errors.Is(err, unix.EAGAIN):
		return ErrEmpty
	case errors.Is(err, unix.EMSGSIZE):
		return tooShort(err)
	}
	return err
}

// A transfer is one message on its way. Its functions are bound once, as the
// descriptor is only lent to functions, and they would cost allocations.
type transfer struct {
	sends    bool
	bytes    []byte
	priority uint32
	n        int
	err      error

	once  func(fd uintptr)
	until func(fd uintptr) bool
}

var transfers = sync.Pool{New: func() any {
	t := new(transfer)
	t.until = t.attempt
	t.once = func(fd uintptr) { t.attempt(fd) }
	return t
}}

// attempt returns whether the descriptor need not be waited for.
func (t *transfer) attempt(fd uintptr) bool {
	if t.sends {
		t.err = sys.MqSend(int(fd), t.bytes, t.priority)
	} else {
		t.n, t.priority, t.err = sys.MqReceive(int(fd), t.bytes)
	}
	return t.err != unix.EAGAIN //nolint:errorlint // a bare errno, on the hot path
}

// release forgets the caller's bytes.
func (t *transfer) release() {
	t.bytes, t.err = nil, nil
	transfers.Put(t)
}
