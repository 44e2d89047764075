package shm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

// stormTime is how long each storm goes on: KITH_HOSTILE=5m is for minutes.
func stormTime(t *testing.T) time.Duration {
	text := os.Getenv("KITH_HOSTILE")
	if text == "" {
		return 2 * time.Second
	}
	long, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return long
}

var errEnough = errors.New("the test has seen enough")

// typed ends are all that the documentation names for a call of a connection that
// is not closed by ourselves.
var typedEnds = map[string]error{
	"ErrProtocol": kith.ErrProtocol, "ErrPeerDied": kith.ErrPeerDied, "EOF": io.EOF, "EPIPE": unix.EPIPE, "ErrBroken": kith.ErrBroken, "ctx": errEnough,
}

// A tally counts what became of the calls.
type tally struct {
	sync.Mutex
	counts map[string]int
}

func (c *tally) add(what string, times int) {
	c.Lock()
	defer c.Unlock()
	c.counts[what] += times
}

// end counts an error by its type, and is one where that has none.
func (c *tally) end(call string, err error) error {
	var kind *kith.OpError
	if !errors.As(err, &kind) {
		return fmt.Errorf("%s: %w is no OpError", call, err)
	}
	for name, one := range typedEnds {
		if errors.Is(err, one) {
			c.add(call+" "+name, 1)
			return nil
		}
	}
	return fmt.Errorf("%s: %w: of no type", call, err)
}

func (c *tally) String() string {
	c.Lock()
	defer c.Unlock()
	var all []string
	for _, name := range slices.Sorted(maps.Keys(c.counts)) {
		all = append(all, fmt.Sprintf("%s: %d", name, c.counts[name]))
	}
	return strings.Join(all, ", ")
}

// A peer that has shaken hands writes whatever it can, in all its memory and on all
// its sockets, while we send and receive, in either role: each call ends with an error
// that the documentation names, at the latest when its context does; and nothing is
// left behind.
func TestStormOfDialers(t *testing.T) {
	endures(t, "storm dialer", func(t *testing.T, path string) (meeting, func() error) {
		l, err := kith.Listen(t.Context(), "shm:"+path+"?ring=16k&limit=1m")
		if err != nil {
			t.Fatal(err)
		}
		return l.Accept, l.Close
	})
}

func TestStormOfListeners(t *testing.T) {
	endures(t, "storm listener", func(_ *testing.T, path string) (meeting, func() error) {
		dial := func(ctx context.Context) (*kith.Conn, error) { return kith.Dial(ctx, "shm:"+path+"?ring=16k&limit=1m") }
		return dial, func() error { return nil }
	})
}

// A meeting makes the next connection.
type meeting func(context.Context) (*kith.Conn, error)

func endures(t *testing.T, peer string, prepare func(*testing.T, string) (meeting, func() error)) {
	path := filepath.Join(directory(t), "x")
	child := kithtest.Command(t, peer, path)
	before, room := kithtest.Hold(), newRoom(t)
	meet, stop := prepare(t, path)
	child.Start()
	if peer == "storm listener" {
		if heard, err := child.Hear(); heard != "listening" {
			t.Fatal(heard, err)
		}
	}
	count := &tally{counts: map[string]int{}}
	for start := time.Now(); time.Since(start) < stormTime(t) && !t.Failed(); {
		conn, err := meet(t.Context())
		if err != nil {
			if !errors.Is(err, kith.ErrProtocol) {
				t.Fatal("meeting:", err)
			}
			count.add("meeting ErrProtocol", 1)
			continue
		}
		count.add("connections", 1)
		weather(t, conn, count)
		room.check(t)
		select {
		case <-child.Ended():
			t.Fatal("the child has ended: a promise did not hold")
		default:
		}
	}
	t.Log(count)
	child.Kill()
	if err := errors.Join(stop(), before.Left()); err != nil {
		t.Error(err)
	}
	room.check(t)
}

// weather uses one connection for a moment, in all ways.
func weather(t *testing.T, conn *kith.Conn, count *tally) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(rand.IntN(60))*time.Millisecond, errEnough)
	defer cancel()
	sending := kithtest.Go(func() error { return sendAnyhow(ctx, conn, count) })
	receiving := kithtest.Go(func() error { return receiveAnyhow(ctx, conn, count) })
	returns(t, "the sender", sending)
	returns(t, "the receiver", receiving)
	if rand.IntN(2) == 0 {
		returns(t, "CloseSend", kithtest.Go(func() error {
			if err := conn.CloseSend(); err != nil {
				return count.end("close-send", err)
			}
			return nil
		}))
	}
	returns(t, "Close", kithtest.Go(conn.Close))
}

// returns fails the test where a call goes on although its context has ended. It
// counts moments: a process that was stopped for a while lacks them.
func returns(t *testing.T, what string, call *kithtest.Call) {
	t.Helper()
	for range 200 {
		select {
		case <-call.Done():
			if err := call.Wait(); err != nil {
				t.Error(err)
			}
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	for _, stack := range kithtest.Goroutines() {
		t.Log(stack)
	}
	t.Fatalf("%s hangs, though its context has ended", what)
}

// sendAnyhow sends until it cannot, each message in one way or another.
func sendAnyhow(ctx context.Context, conn *kith.Conn, count *tally) error {
	msg := make([]byte, 20<<10)
	for sent := 0; ; sent++ {
		length := rand.IntN(len(msg)) >> rand.IntN(10)
		var err error
		switch rand.IntN(4) {
		case 0:
			err = conn.Send(ctx, msg[:length])
		case 1:
			err = conn.Send(ctx, msg[:length%64])
		case 2:
			_, err = conn.SendBatch(ctx, slices.Repeat([][]byte{msg[:length%64], msg[:length/32]}, 1+length%20))
		default:
			err = reserveAnd(ctx, conn, min(length, 4<<10))
		}
		if err != nil {
			count.add("messages sent", sent)
			return count.end("send", err)
		}
	}
}

// reserveAnd commits what it has reserved, some of it, or nothing.
func reserveAnd(ctx context.Context, conn *kith.Conn, length int) error {
	room, err := conn.Reserve(ctx, length)
	if err != nil {
		return err
	}
	clear(room)
	if length%7 == 0 {
		conn.Discard()
		return nil
	}
	return conn.Commit(ctx, length-length%5)
}

// receiveAnyhow receives until it cannot. What is lent is read while the peer writes it.
func receiveAnyhow(ctx context.Context, conn *kith.Conn, count *tally) error {
	got, batch := 0, make([][]byte, 16)
	for sum := 0; ; {
		var msgs [][]byte
		var lease kith.Lease
		var err error
		switch rand.IntN(3) {
		case 0:
			msgs = make([][]byte, 1)
			msgs[0], err = conn.Receive(ctx)
		case 1:
			var n int
			n, err = conn.ReceiveBatch(ctx, batch)
			msgs = batch[:n]
		default:
			lease, err = conn.Lease(ctx)
			msgs = [][]byte{lease.Bytes()}
		}
		if err != nil {
			count.add("messages received", got)
			return count.end("receive", err)
		}
		for _, msg := range msgs {
			if len(msg) > 1<<20 {
				return fmt.Errorf("a message of %d bytes", len(msg))
			}
			for _, b := range msg {
				sum += int(b)
			}
		}
		got += len(msgs)
		lease.Release()
	}
}

// A room is how much memory the process may come to have.
type room struct{ heap, resident uint64 }

const (
	heapGrowth     = 32 << 20 // a message of the limit at each end, its copies, and the collector's slack
	residentGrowth = 128 << 20
)

func newRoom(t *testing.T) room {
	runtime.GC()
	heap, resident := inUse(t)
	return room{heap + heapGrowth, resident + residentGrowth}
}

func (r room) check(t *testing.T) {
	t.Helper()
	if heap, resident := inUse(t); heap > r.heap || resident > r.resident {
		t.Errorf("%d bytes of heap, %d resident; at most %d and %d", heap, resident, r.heap, r.resident)
	}
}

// inUse is what this process has, in bytes: on its heap, and in all.
func inUse(t *testing.T) (heap, resident uint64) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseUint(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return stats.HeapAlloc, pages * uint64(os.Getpagesize())
}
