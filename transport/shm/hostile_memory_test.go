package shm_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/kithtest"
	"kith/internal/rendezvous"
	memory "kith/shm"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"scribbler": scribble, "beggar": beg, "smuggler": smuggle})
}

// join, in a child, shakes hands well, and returns the segment that only it
// writes.
func (h *hostile) join() ([]byte, error) { return h.joinAs(honestHello()) }

func (h *hostile) joinAs(hello rendezvous.Hello) ([]byte, error) {
	file := h.file(segmentSize, segmentSize, 0, unix.MFD_ALLOW_SEALING)
	own, err := unix.Mmap(int(file.Fd()), 0, segmentSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	if err := memory.Seal(file, memory.WriterSeals); err != nil {
		return nil, err
	}
	second := h.second()
	h.say(hello.Bytes(), file, second)
	if heard := h.hear(); heard != "taken" {
		return nil, errors.New(heard)
	}
	return own, nil
}

const (
	consumedAt  = 128
	wantsDataAt = 256
	wantsRoomAt = 384
	ringAt      = 4096

	message = 1 << 56
	more    = 2 << 56
	goodbye = 3 << 56
)

// A scribbler writes what it likes into the memory that is its own.
type scribbler func(own []byte, random *rand.Rand)

var scribblers = map[string]scribbler{
	"noise everywhere": func(own []byte, random *rand.Rand) {
		for at := 0; at < len(own); at += 8 {
			binary.NativeEndian.PutUint64(own[at:], random.Uint64())
		}
	},
	"headers that could be": func(own []byte, random *rand.Rand) {
		for at := ringAt; at < len(own); at += 8 {
			header := (random.Uint64N(5) << 56) | random.Uint64N(ringSize/4+8)
			binary.NativeEndian.PutUint64(own[at:], header)
		}
	},
	"only messages": func(own []byte, random *rand.Rand) {
		for at := ringAt; at < len(own); at += 8 {
			binary.NativeEndian.PutUint64(own[at:], message|random.Uint64N(ringSize/4))
		}
	},
	"pieces without end": func(own []byte, random *rand.Rand) {
		for at := ringAt; at < len(own); at += 8 {
			binary.NativeEndian.PutUint64(own[at:], more|random.Uint64N(16))
		}
	},
	"empty pieces without end": func(own []byte, _ *rand.Rand) {
		for at := ringAt; at < len(own); at += 8 {
			binary.NativeEndian.PutUint64(own[at:], more)
		}
	},
	"goodbye everywhere": func(own []byte, _ *rand.Rand) {
		for at := ringAt; at < len(own); at += 8 {
			binary.NativeEndian.PutUint64(own[at:], goodbye)
		}
	},
	"consumed that could be": func(own []byte, random *rand.Rand) {
		for range 512 {
			binary.NativeEndian.PutUint64(own[consumedAt:], random.Uint64N(2*ringSize)&^7)
		}
	},
	"consumed near the ends": func(own []byte, random *rand.Rand) {
		ends := []uint64{0, 8, 1<<64 - 8, 1 << 63, ringSize, ringSize + 8}
		for range 512 {
			binary.NativeEndian.PutUint64(own[consumedAt:], ends[random.IntN(len(ends))])
		}
	},
	"wants that flip": func(own []byte, random *rand.Rand) {
		for range 512 {
			binary.NativeEndian.PutUint64(own[wantsDataAt:], random.Uint64()&^2)
			binary.NativeEndian.PutUint64(own[wantsRoomAt:], random.Uint64()&^2)
		}
	},
	"headers that come and go": func(own []byte, _ *rand.Rand) {
		for range 512 {
			binary.NativeEndian.PutUint64(own[ringAt:], message|8)
			binary.NativeEndian.PutUint64(own[ringAt:], 0)
		}
	},
}

// scribble, in a child, joins a listener, scribbles over its whole segment until
// it is told to stop, knocks meanwhile, and comes again.
func scribble(args []string) error {
	paint, found := scribblers[args[1]]
	if !found {
		return fmt.Errorf("no scribbler %q", args[1])
	}
	random := rand.New(rand.NewPCG(1, 2))
	for {
		h, err := dialled(args[0])
		if err != nil {
			return err
		}
		own, err := h.join()
		if err != nil {
			return err
		}
		kithtest.Say("joined")
		stopped := make(chan struct{})
		go func() { kithtest.Hear(); close(stopped) }()
		for stop := false; !stop; {
			paint(own, random)
			h.knock()
			select {
			case <-stopped:
				stop = true
			default:
			}
		}
		_ = unix.Munmap(own)
		h.close()
		kithtest.Say("left")
	}
}

// knock wakes both whom the victim may have parked.
func (h *hostile) knock() {
	_ = h.front.SetWriteDeadline(time.Unix(1, 0)) // never waits
	_, _ = h.front.Write(make([]byte, 64))
	for _, file := range h.files {
		if strings.Contains(file.Name(), "ours") {
			_, _ = unix.Write(int(file.Fd()), []byte{1})
		}
	}
}

// Descriptors that come with a knock are nobody's: the kernel closes them.
func TestKnocksWithDescriptors(t *testing.T) {
	listener := rawListener(t)
	child := kithtest.Command(t, "smuggler", listener.Addr().String()).Start()
	before := kithtest.Hold()
	conn, err := answer(t.Context(), listener)
	if err != nil {
		t.Fatal(err)
	}
	if heard, err := child.Hear(); heard != "joined" {
		t.Fatal(heard, err)
	}
	having := kithtest.Hold()
	ctx, cancel := context.WithCancel(t.Context())
	call := kithtest.Go(func() error { _, err := conn.Receive(ctx); return err })
	if err := errors.Join(call.Parked(), child.Say("smuggle")); err != nil {
		t.Fatal(err)
	}
	if heard, err := child.Hear(); heard != "smuggled" {
		t.Fatal(heard, err)
	}
	cancel()
	if err := call.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := having.Left(); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// smuggle, in a child, sends knocks with descriptors.
func smuggle(args []string) error {
	h, err := dialled(args[0])
	if err != nil {
		return err
	}
	if _, err := h.join(); err != nil {
		return err
	}
	kithtest.Say("joined")
	kithtest.Hear()
	for range 20 {
		h.say([]byte{1}, os.Stdin, os.Stdout, os.Stderr)
	}
	kithtest.Say("smuggled")
	kithtest.Hear()
	return nil
}

// fair are the ends that a hostile peer can bring about: each has a type.
var fair = []error{
	driver.ErrProtocol, driver.ErrPeerDied, unix.EPIPE, io.EOF, context.DeadlineExceeded, net.ErrClosed,
}

func isFair(err error) bool {
	for _, one := range fair {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// Whatever the peer writes, a call ends with a typed error, at the latest when
// its context ends, and so does Close.
func TestHostileMemory(t *testing.T) {
	for name := range scribblers {
		t.Run(name, func(t *testing.T) {
			listener := rawListener(t)
			child := kithtest.Command(t, "scribbler", listener.Addr().String(), name).Start()
			before := kithtest.Hold()
			for range 5 {
				round(t, listener, child)
			}
			if err := before.Left(); err != nil && !t.Failed() {
				t.Error(err)
			}
		})
	}
}

// round is one connection with a scribbler: a tenth of a second of Send and
// Receive in full swing.
func round(t *testing.T, listener *net.UnixListener, child *kithtest.Child) {
	t.Helper()
	conn, err := answer(t.Context(), listener)
	if err != nil {
		t.Fatal(err)
	}
	if heard, err := child.Hear(); heard != "joined" {
		t.Fatal(heard, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	sending := kithtest.Go(func() error { return sendAll(ctx, conn) })
	receiving := kithtest.Go(func() error { return receiveAll(ctx, conn) })
	ended(t, "Send", sending)
	ended(t, "Receive", receiving)
	ended(t, "Close", kithtest.Go(func() error { return errors.Join(conn.Close(), net.ErrClosed) }))
	if err := child.Say("stop"); err != nil {
		t.Fatal(err)
	}
	if heard, err := child.Hear(); heard != "left" {
		t.Fatal(heard, err)
	}
}

// ended fails the test where a call hangs, or ends without a type.
func ended(t *testing.T, what string, call *kithtest.Call) {
	t.Helper()
	select {
	case <-call.Done():
		if err := call.Wait(); !isFair(err) {
			t.Errorf("%s: %v: of no type", what, err)
		}
	case <-time.After(10 * time.Second): // a hundred times what it may take
		t.Fatalf("%s hangs, though its context has ended", what)
	}
}

func sendAll(ctx context.Context, conn driver.Conn) error {
	msg := make([]byte, 10_000) // in pieces, and some in one
	for i := 0; ; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := conn.Send(ctx, msg[:i*977%len(msg)]); err != nil {
			return err
		}
	}
}

func receiveAll(ctx context.Context, conn driver.Conn) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		msg, err := conn.Receive(ctx)
		if err != nil {
			return err
		}
		if len(msg) > 1<<20 {
			return fmt.Errorf("a message of %d bytes, over the limit", len(msg))
		}
	}
}

// beg, in a child, asks to be woken at every moment, and counts the knocks.
func beg(args []string) error {
	h, err := dialled(args[0])
	if err != nil {
		return err
	}
	own, err := h.join()
	if err != nil {
		return err
	}
	binary.NativeEndian.PutUint64(own[wantsDataAt:], 1)
	kithtest.Say("joined")
	stopped := make(chan struct{})
	go func() { kithtest.Hear(); close(stopped) }()
	for seq := uint64(1); ; seq++ {
		binary.NativeEndian.PutUint64(own[wantsDataAt:], seq<<2|1)
		select {
		case <-stopped:
			kithtest.Say(strconv.Itoa(h.knocks()))
			return nil
		default:
		}
	}
}

// knocks counts what lies at the front.
func (h *hostile) knocks() (count int) {
	_ = h.front.SetReadDeadline(time.Unix(1, 0))
	raw, err := h.front.SyscallConn()
	if err != nil {
		return -1
	}
	_ = raw.Control(func(fd uintptr) {
		for {
			n, _, err := unix.Recvfrom(int(fd), make([]byte, 64), unix.MSG_DONTWAIT)
			if err != nil || n == 0 {
				return
			}
			count++
		}
	})
	return count
}

// A peer that always asks is woken once for each message at the most, and Send
// never waits for it to take the knocks.
func TestKnocksAreBounded(t *testing.T) {
	listener := rawListener(t)
	child := kithtest.Command(t, "beggar", listener.Addr().String()).Start()
	conn, err := answer(t.Context(), listener)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if heard, err := child.Hear(); heard != "joined" {
		t.Fatal(heard, err)
	}
	sent := 0
	for ; sent < ringSize/32; sent++ { // what the ring holds, with some to spare
		if err := conn.Send(t.Context(), []byte("message")); err != nil {
			t.Fatal(err)
		}
	}
	if err := child.Say("stop"); err != nil {
		t.Fatal(err)
	}
	heard, err := child.Hear()
	if count, bad := strconv.Atoi(heard); bad != nil || count < 1 || count > sent {
		t.Errorf("%s knocks (%v) for %d messages", heard, err, sent)
	}
}
