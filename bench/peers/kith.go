package main

import (
	"context"
	"errors"
	"fmt"

	"kith"
)

// lentFromSmall is a quarter of a ring of the default size, and a quarter of largeRing is
// the largest of all.
const (
	lentFromSmall = 64 << 10
	largeRing     = "?ring=4m"
)

// kithAt meets at addresses of kith's, a connection for each of the keys.
func kithAt(scheme string, side func([]*kith.Conn) link, keys ...string) *meeting {
	return &meeting{
		listen: func(ctx context.Context, place string) (func() (link, error), error) {
			accept := make([]func() (*kith.Conn, error), len(keys))
			for i := range keys {
				listener, err := kith.Listen(ctx, address(scheme, place, keys, i))
				if err != nil {
					return nil, err
				}
				accept[i] = func() (*kith.Conn, error) {
					defer listener.Close()
					return listener.Accept(ctx)
				}
			}
			return func() (link, error) {
				return join(side, accept)
			}, nil
		},
		dial: func(ctx context.Context, place string) (link, error) {
			dial := make([]func() (*kith.Conn, error), len(keys))
			for i := range keys {
				dial[i] = func() (*kith.Conn, error) { return kith.Dial(ctx, address(scheme, place, keys, i)) }
			}
			return join(side, dial)
		},
	}
}

func address(scheme, place string, keys []string, i int) string {
	return fmt.Sprint(scheme, place, "-", i, keys[i])
}

// join makes a side of the connections that calls return.
func join(side func([]*kith.Conn) link, calls []func() (*kith.Conn, error)) (link, error) {
	var conns []*kith.Conn
	for _, call := range calls {
		conn, err := call()
		if err != nil {
			return nil, err
		}
		conns = append(conns, conn)
	}
	return side(conns), nil
}

// A copying link sends and receives.
type copying struct {
	*kith.Conn
	payload []byte
}

func newCopying(conns []*kith.Conn) link { return &copying{conns[0], make([]byte, largest)} }

func (c *copying) put(number uint64, size int) error {
	payload := c.payload[:size]
	fill(payload, number)
	return c.Send(context.Background(), payload)
}

func (*copying) flush() error { return nil }

func (c *copying) take(number uint64, size int) error {
	msg, err := c.Receive(context.Background())
	if err != nil {
		return err
	}
	return check(msg, size, number)
}

// A batching link sends up to so many messages at once, and so many bytes unless one
// message has more.
type batching struct {
	*kith.Conn
	payload []byte   // holds the messages of out
	out     [][]byte // put and not yet sent
	room    [batchMessages][]byte
	in      [][]byte // received and not yet taken
}

const (
	batchMessages = 16
	batchBytes    = 64 << 10
)

func newBatching(conns []*kith.Conn) link {
	return &batching{Conn: conns[0], payload: make([]byte, batchBytes+largest), out: make([][]byte, 0, batchMessages)}
}

func (b *batching) put(number uint64, size int) error {
	at := len(b.out) * size // all of a batch have one size
	payload := b.payload[at : at+size]
	fill(payload, number)
	b.out = append(b.out, payload)
	if len(b.out) < batchMessages && at+size < batchBytes {
		return nil
	}
	return b.flush()
}

func (b *batching) flush() error {
	_, err := b.SendBatch(context.Background(), b.out)
	b.out = b.out[:0]
	return err
}

func (b *batching) take(number uint64, size int) error {
	if len(b.in) == 0 {
		n, err := b.ReceiveBatch(context.Background(), b.room[:])
		if err != nil {
			return err
		}
		b.in = b.room[:n]
	}
	msg := b.in[0]
	b.in = b.in[1:]
	return check(msg, size, number)
}

// A lending link writes and reads where the messages lie. What is lent is a quarter of a
// ring at most, so large messages have a connection with a ring of their own.
type lending struct{ small, large *kith.Conn }

func newLending(conns []*kith.Conn) link { return lending{conns[0], conns[1]} }

func (l lending) of(size int) *kith.Conn {
	if size <= lentFromSmall {
		return l.small
	}
	return l.large
}

func (l lending) put(number uint64, size int) error {
	conn := l.of(size)
	room, err := conn.Reserve(context.Background(), size)
	if err != nil {
		return err
	}
	fill(room[:size], number)
	return conn.Commit(context.Background(), size)
}

func (lending) flush() error { return nil }

func (l lending) take(number uint64, size int) error {
	lease, err := l.of(size).Lease(context.Background())
	if err != nil {
		return err
	}
	defer lease.Release()
	return check(lease.Bytes(), size, number)
}

func (l lending) Close() error { return errors.Join(l.small.Close(), l.large.Close()) }
