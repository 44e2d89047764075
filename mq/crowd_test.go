package mq_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/mq"
)

const (
	crowd    = 1000
	messages = 200
)

// A kind is what both kinds of queue have in common.
type kind struct {
	send    func(ctx context.Context, message []byte) error
	trySend func(message []byte) error
	receive func(ctx context.Context, buffer []byte) (int, error)
	try     func(buffer []byte) (int, error)
}

// posixKind spreads receivers over several descriptors of the queue.
func posixKind(queues ...*mq.Queue) kind {
	var mu sync.Mutex
	next := func() *mq.Queue {
		mu.Lock()
		defer mu.Unlock()
		queues = append(queues[1:], queues[0])
		return queues[0]
	}
	return kind{
		send:    func(ctx context.Context, message []byte) error { return next().Send(ctx, message, 0) },
		trySend: func(message []byte) error { return next().TrySend(message, 0) },
		receive: func(ctx context.Context, buffer []byte) (int, error) {
			n, _, err := next().Receive(ctx, buffer)
			return n, err
		},
		try: func(buffer []byte) (int, error) { n, _, err := next().TryReceive(buffer); return n, err },
	}
}

func sysvKind(q *mq.SysV) kind {
	return kind{
		send:    func(ctx context.Context, message []byte) error { return q.Send(ctx, message, 1) },
		trySend: func(message []byte) error { return q.TrySend(message, 1) },
		receive: func(ctx context.Context, buffer []byte) (int, error) {
			n, _, err := q.Receive(ctx, mq.Selection{}, buffer)
			return n, err
		},
		try: func(buffer []byte) (int, error) {
			n, _, err := q.TryReceive(mq.Selection{}, buffer)
			return n, err
		},
	}
}

func TestCrowdOfQueue(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 10, Size: 8})
	before := kithtest.Hold()
	queues := make([]*mq.Queue, 20)
	for i := range queues {
		queues[i] = open(t, q.Name(), os.O_RDWR)
	}
	started := threads(t)
	crowdWaits(t, posixKind(queues...), func() {
		if now := threads(t); now > started+12 {
			t.Errorf("%d threads where %d goroutines wait, and %d were before", now, crowd, started)
		}
	})
	for _, handle := range queues {
		if err := handle.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func TestCrowdOfSysV(t *testing.T) {
	q, _ := createSysV(t)
	before := kithtest.Hold()
	crowdWaits(t, sysvKind(q), func() { awaitCall(t, os.Getpid(), crowd, unix.SYS_MSGRCV) })
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// crowdWaits has a thousand goroutines wait, and cancels them all in the midst of
// messages that come: each message is received once, or still there.
func crowdWaits(t *testing.T, k kind, waiting func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ledger := &ledger{seen: map[uint64]int{}}
	calls := make([]*kithtest.Call, crowd)
	for i := range calls {
		calls[i] = kithtest.Go(func() error {
			buffer := make([]byte, 8)
			n, err := k.receive(ctx, buffer)
			if err != nil {
				return err
			}
			return ledger.note(buffer[:n])
		})
	}
	if err := kithtest.Parked(calls...); err != nil {
		t.Fatal(err)
	}
	waiting()
	sent := sendUntil(t, k, cancel)
	for _, call := range calls {
		if err := call.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	buffer := make([]byte, 8)
	for {
		n, err := k.try(buffer)
		if errors.Is(err, mq.ErrEmpty) {
			break
		}
		if err := errors.Join(err, ledger.note(buffer[:n])); err != nil {
			t.Fatal(err)
		}
	}
	for number := range uint64(sent) {
		if times := ledger.seen[number]; times != 1 {
			t.Errorf("message %d was received %d times", number, times)
		}
	}
	if len(ledger.seen) != sent {
		t.Errorf("%d messages, where %d were sent", len(ledger.seen), sent)
	}
}

// sendUntil sends numbered messages, and cancels half-way; those that come later
// may fill the queue.
func sendUntil(t *testing.T, k kind, cancel func()) (sent int) {
	t.Helper()
	for sent < messages {
		if sent == messages/2 {
			go cancel()
		}
		err := k.trySend(binary.NativeEndian.AppendUint64(nil, uint64(sent)))
		if sent > messages/2 && errors.Is(err, mq.ErrFull) {
			break // whoever waited is gone
		}
		if err == nil {
			sent++
		} else if !errors.Is(err, mq.ErrFull) {
			t.Fatal(err)
		}
	}
	return sent
}

type ledger struct {
	sync.Mutex
	seen map[uint64]int
}

func (l *ledger) note(message []byte) error {
	if len(message) != 8 {
		return fmt.Errorf("a message of %d bytes", len(message))
	}
	l.Lock()
	defer l.Unlock()
	l.seen[binary.NativeEndian.Uint64(message)]++
	return nil
}
