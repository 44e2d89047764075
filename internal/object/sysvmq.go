package object

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"

	"kith/driver"
	"kith/ipc"
	"kith/mq"
)

// A SysVQueue is sysvmq:NAME?maxbytes=SIZE&mode=MODE. It can do more than other
// queues: be looked into, and be taken from by type.
type SysVQueue struct {
	sysvName
	maxBytes int
	mode     fs.FileMode
	pick     mq.Selection
}

func newSysVQueue(a *driver.Address) (Object, error) {
	name, err := parseSysV(a)
	return &SysVQueue{name, a.Size("maxbytes", 0, 1, math.MaxInt32), mode(a), mq.Selection{}}, err
}

// Make makes the queue.
func (q *SysVQueue) Make(context.Context) error {
	if err := q.mayMake(); err != nil {
		return err
	}
	queue, err := mq.CreateSysV(q.key, q.mode)
	if err != nil {
		return err
	}
	if q.maxBytes > 0 {
		if err := queue.SetMaxBytes(q.maxBytes); err != nil {
			return errors.Join(err, queue.Remove())
		}
	}
	q.made(queue.ID())
	return nil
}

func (q *SysVQueue) queue() (*mq.SysV, error) {
	id, err := q.find(func(key ipc.Key) (int, error) {
		queue, err := mq.OpenSysV(key)
		if err != nil {
			return -1, err
		}
		return queue.ID(), nil
	})
	return mq.SysVByID(id), err
}

// Remove removes the queue, and its messages.
func (q *SysVQueue) Remove() error {
	queue, err := q.queue()
	if err != nil {
		return err
	}
	return queue.Remove()
}

// Stat is what the kernel tells.
func (q *SysVQueue) Stat() (Stat, error) {
	queue, err := q.queue()
	if err != nil {
		return nil, err
	}
	s, err := queue.Stat()
	if err != nil {
		return nil, err
	}
	return q.stat(queue.ID(), s.Perm).
		with("messages", s.Queued).with("bytes", s.Bytes).with("maxbytes", s.MaxBytes).with("msgsize", largestMessage()).
		with("last_sender_pid", process(s.LastSender)).with("last_receiver_pid", process(s.LastReceiver)).
		with("send_time", s.Sent).with("receive_time", s.Received).with("change_time", s.Changed), nil
}

// Label is "type".
func (q *SysVQueue) Label() string { return "type" }

// Largest is the machine's limit, MSGMAX, or less where the queue has less room.
func (q *SysVQueue) Largest() (int, error) {
	queue, err := q.queue()
	if err != nil {
		return 0, err
	}
	stat, err := queue.Stat()
	return min(largestMessage(), stat.MaxBytes), err
}

// buffer has room for any message, which may be from a time when the queue had
// more room than now.
func buffer(queue *mq.SysV) ([]byte, error) {
	stat, err := queue.Stat()
	return make([]byte, min(largestMessage(), max(stat.MaxBytes, stat.Bytes))), err
}

// largestMessage is MSGMAX.
func largestMessage() int {
	text, _ := os.ReadFile("/proc/sys/kernel/msgmax")
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 8192
	}
	return n
}

// Put sends a message, whose label is its type.
func (q *SysVQueue) Put(ctx context.Context, m Message) error {
	queue, err := q.queue()
	if err != nil {
		return err
	}
	return firstTry(ctx, mq.ErrFull,
		func() error { return queue.TrySend(m.Body, m.Label) },
		func() error { return queue.Send(ctx, m.Body, m.Label) })
}

// Of is the queue with some of its messages alone: "5" is those of type 5, "!5"
// all but those, and "-5" those of the lowest type there is, up to 5.
func (q *SysVQueue) Of(types string) (*SysVQueue, error) {
	number, except := strings.CutPrefix(types, "!")
	kind, err := strconv.ParseInt(number, 10, 64)
	if err != nil || kind == 0 || kind == math.MinInt64 || except && kind < 0 {
		return nil, fmt.Errorf("the type %q: want N, !N for all but N, or -N for the lowest up to N", types)
	}
	some := *q
	some.pick = mq.Selection{Type: kind, Except: except}
	return &some, nil
}

// Take takes the oldest message.
func (q *SysVQueue) Take(ctx context.Context) (m Message, err error) {
	queue, err := q.queue()
	if err != nil {
		return m, err
	}
	var n int
	buffer, err := buffer(queue)
	if err != nil {
		return m, err
	}
	err = firstTry(ctx, mq.ErrEmpty,
		func() error { n, m.Label, err = queue.TryReceive(q.pick, buffer); return err },
		func() error { n, m.Label, err = queue.Receive(ctx, q.pick, buffer); return err })
	m.Body = buffer[:n]
	return m, err
}

// Peek is the message that is so many behind the oldest, whatever its type, and
// leaves it there: mq.ErrEmpty where there is none.
func (q *SysVQueue) Peek(index int) (m Message, err error) {
	queue, err := q.queue()
	if err != nil {
		return m, err
	}
	buffer, err := buffer(queue)
	if err != nil {
		return m, err
	}
	n, kind, err := queue.Peek(index, buffer)
	return Message{kind, buffer[:n]}, err
}

// Next is the message that Take would take, and leaves it there.
func (q *SysVQueue) Next() (Message, error) {
	var best Message
	for index := 0; ; index++ {
		m, err := q.Peek(index)
		switch {
		case errors.Is(err, mq.ErrEmpty) && best.Label > 0:
			return best, nil
		case err != nil:
			return Message{}, err
		case q.wants(m.Label) && q.pick.Type >= 0:
			return m, nil
		case q.wants(m.Label) && (best.Label == 0 || m.Label < best.Label):
			best = m
		}
	}
}

func (q *SysVQueue) wants(kind int64) bool {
	switch {
	case q.pick.Type == 0:
		return true
	case q.pick.Type < 0:
		return kind <= -q.pick.Type
	}
	return (kind == q.pick.Type) != q.pick.Except
}
