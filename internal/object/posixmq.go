package object

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/mq"
)

// A posixQueue is mq:NAME?maxmsg=10&msgsize=8k&mode=MODE.
type posixQueue struct {
	name string
	mq.Attributes
	mode fs.FileMode
}

// What no machine allows more of (mq_overview(7)).
const (
	mostMessages   = 65536
	longestMessage = 16 << 20
)

func newPOSIXQueue(a *driver.Address) (Object, error) {
	name, err := posixName(a, unix.NAME_MAX)
	if err != nil {
		return nil, err
	}
	attributes := mq.Attributes{Messages: number(a, "maxmsg", 0, 1, mostMessages), Size: a.Size("msgsize", 0, 1, longestMessage)}
	q := &posixQueue{name, attributes, mode(a)}
	if err := a.Done(); err != nil {
		return nil, err
	}
	if (q.Messages == 0) != (q.Size == 0) {
		return nil, fmt.Errorf("%w: maxmsg= and msgsize= go together", driver.ErrAddress)
	}
	return q, nil
}

func (q *posixQueue) Address() string { return driver.Address{Scheme: "mq", Name: q.name}.String() }

func (q *posixQueue) Make(context.Context) error {
	queue, err := mq.Create(q.name, q.mode, q.Attributes)
	if err != nil {
		return err
	}
	return queue.Close()
}

func (q *posixQueue) Remove() error { return mq.Unlink(q.name) }

func (q *posixQueue) Stat() (Stat, error) {
	s, err := q.state()
	if err != nil {
		return nil, err
	}
	stat := append(Stat{{"address", q.Address()}}, owned(s.UID, s.GID, s.Mode)...).with("messages", s.Queued)
	if s.Bytes >= 0 { // who may only send is not told
		stat = stat.with("bytes", s.Bytes).with("notified_pid", process(s.Notified))
	}
	return stat.with("maxmsg", s.Messages).with("msgsize", s.Size), nil
}

func (q *posixQueue) state() (mq.Stat, error) {
	queue, err := mq.Open(q.name, os.O_RDONLY)
	if errors.Is(err, unix.EACCES) {
		queue, err = mq.Open(q.name, os.O_WRONLY)
	}
	if err != nil {
		return mq.Stat{}, err
	}
	defer queue.Close()
	return queue.Stat()
}

func (q *posixQueue) Label() string { return "priority" }

func (q *posixQueue) Largest() (int, error) {
	s, err := q.state()
	return s.Size, err
}

func (q *posixQueue) Put(ctx context.Context, m Message) error {
	queue, err := mq.Open(q.name, os.O_WRONLY)
	if err != nil {
		return err
	}
	defer queue.Close()
	priority := uint32(m.Label)
	return firstTry(ctx, mq.ErrFull,
		func() error { return queue.TrySend(m.Body, priority) },
		func() error { return queue.Send(ctx, m.Body, priority) })
}

func (q *posixQueue) Take(ctx context.Context) (m Message, err error) {
	queue, err := mq.Open(q.name, os.O_RDONLY)
	if err != nil {
		return m, err
	}
	defer queue.Close()
	stat, err := queue.Stat()
	if err != nil {
		return m, err
	}
	buffer := make([]byte, stat.Size)
	var n int
	var priority uint32
	err = firstTry(ctx, mq.ErrEmpty,
		func() error { n, priority, err = queue.TryReceive(buffer); return err },
		func() error { n, priority, err = queue.Receive(ctx, buffer); return err })
	return Message{int64(priority), buffer[:n]}, err
}
