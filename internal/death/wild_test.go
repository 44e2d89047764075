package death_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"

	"kith"
	"kith/internal/kithtest"
)

// A wild one uses connections in every way there is, in random mixture and at full speed,
// one after the other, until it is killed.
type wild struct {
	*rand.Rand
	ledger ledger
	number int // of the session
}

// runWild is a child: its side, the address, the ledger and the seed.
func runWild(args []string) error {
	seed, err := strconv.ParseUint(args[3], 10, 64)
	if err != nil {
		return err
	}
	l, err := openLedger(args[2])
	if err != nil {
		return err
	}
	w := &wild{Rand: rand.New(rand.NewPCG(seed, 0)), ledger: l}
	next := func() (*kith.Conn, error) { return kith.Dial(context.Background(), args[1]) }
	if args[0] == listener {
		host, err := kith.Listen(context.Background(), args[1])
		if err != nil {
			return err
		}
		next = func() (*kith.Conn, error) { return host.Accept(context.Background()) }
	}
	kithtest.Say("ready")
	for {
		conn, err := next()
		if err == nil {
			err = w.use(conn)
		}
		if err != nil {
			return err
		}
	}
}

// use is one session: both directions at once, and one of the ways in which it ends.
func (w *wild) use(conn *kith.Conn) error {
	w.ledger.put(committed, 0)
	w.ledger.put(session, w.number)
	random := rand.New(rand.NewPCG(w.Uint64(), 1))
	receiving := kithtest.Go(func() error { return takeAll(conn, random) })
	err := w.sendSome(conn)
	w.number++
	if err == nil {
		err = conn.CloseSend()
	}
	if w.IntN(2) == 0 { // else it closes under its own receive
		err = errors.Join(err, receiving.Wait())
	}
	err = errors.Join(err, conn.Close())
	<-receiving.Done()
	return err
}

// sendSome sends messages that begin with the session and their number; the last one is
// marked.
func (w *wild) sendSome(conn *kith.Conn) error {
	count := 1 + w.IntN(1<<w.IntN(12))
	for n := range count {
		size := 24 + w.IntN(1<<w.IntN(12))
		if err := w.sendOne(conn, n, size, n == count-1); err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
		w.ledger.put(committed, n+1)
	}
	return nil
}

func (w *wild) sendOne(conn *kith.Conn, n, size int, last bool) error {
	ctx := context.Background()
	if size > 1000 || w.IntN(2) == 0 {
		return conn.Send(ctx, w.stamp(make([]byte, size), n, last))
	}
	room, err := conn.Reserve(ctx, 1000)
	if err != nil {
		return err
	}
	if w.IntN(8) == 0 {
		clear(room)
		conn.Discard()
		return w.sendOne(conn, n, size, last)
	}
	w.stamp(room[:size], n, last)
	return conn.Commit(ctx, size)
}

func (w *wild) stamp(msg []byte, n int, last bool) []byte {
	fill(msg, n)
	binary.LittleEndian.PutUint64(msg[8:], uint64(w.number))
	clear(msg[16:24])
	if last {
		msg[16] = 1
	}
	return msg
}

// takeAll receives and leases what the survivor sends, until it ends.
func takeAll(conn *kith.Conn, random *rand.Rand) error {
	for n := 0; ; n++ {
		err := takeOne(conn, random, n)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("message %d of the survivor's: %w", n, err)
		}
	}
}

func takeOne(conn *kith.Conn, random *rand.Rand, n int) error {
	if random.IntN(2) == 0 {
		return receive(context.Background(), conn, n, n+1, small)
	}
	lease, err := conn.Lease(context.Background())
	if err != nil {
		return err
	}
	defer lease.Release()
	return check(lease.Bytes(), n, small)
}
