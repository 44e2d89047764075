package kith_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"lease": leaseUntilEOF})
}

// leaseUntilEOF says the length and the sum of each message, where it lies.
func leaseUntilEOF(args []string) error {
	conn, err := kith.Dial(context.Background(), args[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	for {
		lease, err := conn.Lease(context.Background())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		sum := 0
		for _, b := range lease.Bytes() {
			sum += int(b)
		}
		kithtest.Say(fmt.Sprint(len(lease.Bytes()), sum))
		lease.Release()
	}
}

// What is written in place in one process is read in place in another; what was
// discarded, or reserved beyond what is committed, never comes.
func TestReserveAndLease(t *testing.T) {
	for _, scheme := range []string{"shm", "unix"} {
		t.Run(scheme, func(t *testing.T) {
			address := at(scheme, alone(t)) + "?limit=2m"
			if scheme == "shm" {
				address += "&ring=8m"
			}
			l, err := kith.Listen(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			child := kithtest.Command(t, "lease", l.Addr()).Start()
			conn, err := l.Accept(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, size := range []int{0, 1, 64, 4096, 256 << 10, 256<<10 + 1, 1 << 20} {
				room := reserve(t, conn, size+size/8)
				for i := range room {
					room[i] = 2
				}
				conn.Discard()
				room = reserve(t, conn, size)
				for i := range room {
					room[i] = 1
				}
				if err := conn.Commit(t.Context(), size); err != nil {
					t.Fatal(err)
				}
				heard(t, child, fmt.Sprint(size, size))
			}
			if err := conn.Send(t.Context(), bytes.Repeat([]byte{1}, 2<<20)); err != nil { // in pieces on shm:
				t.Fatal(err)
			}
			heard(t, child, fmt.Sprint(2<<20, 2<<20))
			if err := errors.Join(conn.CloseSend(), child.Wait()); err != nil {
				t.Error(err)
			}
		})
	}
}

func reserve(t *testing.T, conn *kith.Conn, size int) []byte {
	t.Helper()
	room, err := conn.Reserve(t.Context(), size)
	if err != nil || len(room) != size {
		t.Fatalf("room of %d for %d, %v", len(room), size, err)
	}
	return room
}

// both ends of a connection in this process.
func both(t *testing.T, address string) (a, b *kith.Conn) {
	t.Helper()
	l, err := kith.Listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialing := kithtest.Go(func() (err error) { a, err = kith.Dial(t.Context(), l.Addr()); return err })
	b, err = l.Accept(t.Context())
	if err := errors.Join(err, dialing.Wait()); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// While memory is lent, the other calls of its side are refused; what was lent
// can be used after Close, and is given back then.
func TestLentMemory(t *testing.T) {
	for _, scheme := range []string{"shm", "unix"} {
		t.Run(scheme, func(t *testing.T) {
			before := kithtest.Hold()
			a, b := both(t, at(scheme, alone(t)))
			room := reserve(t, a, 100)
			if err := a.Send(t.Context(), nil); !errors.Is(err, kith.ErrConcurrent) {
				t.Errorf("Send with a reservation out: %v", err)
			}
			if _, err := a.Reserve(t.Context(), 1); !errors.Is(err, kith.ErrConcurrent) {
				t.Errorf("a second Reserve: %v", err)
			}
			for _, length := range []int{-1, 101} {
				if err := a.Commit(t.Context(), length); !errors.Is(err, unix.EINVAL) {
					t.Errorf("Commit of %d of 100: %v", length, err)
				}
			}
			copy(room, "hello")
			if err := a.Commit(t.Context(), 5); err != nil {
				t.Fatal(err)
			}
			if err := a.Commit(t.Context(), 0); !errors.Is(err, unix.EINVAL) {
				t.Errorf("a second Commit: %v", err)
			}
			lease, err := b.Lease(t.Context())
			if err != nil || string(lease.Bytes()) != "hello" {
				t.Fatalf("%q, %v", lease.Bytes(), err)
			}
			if _, err := b.Receive(t.Context()); !errors.Is(err, kith.ErrConcurrent) {
				t.Errorf("Receive with a lease out: %v", err)
			}
			room = reserve(t, a, 1000)
			if err := errors.Join(a.Close(), b.Close()); err != nil {
				t.Error(err)
			}
			clear(room)
			if string(lease.Bytes()) != "hello" {
				t.Errorf("after Close the lease has %q", lease.Bytes())
			}
			if err := a.Commit(t.Context(), 1000); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Commit after Close: %v", err)
			}
			a.Discard()
			lease.Release()
			lease.Release()
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What was made in place can be received as a copy, too, however long its record is.
func TestReserveAndReceive(t *testing.T) {
	a, b := both(t, at("shm", alone(t))+"?ring=8m")
	defer a.Close()
	defer b.Close()
	for round := range 20 { // several times round the ring
		for _, size := range []int{64, 256 << 10, 256<<10 + 1, 1 << 20} {
			room := reserve(t, a, size)
			for i := range room {
				room[i] = byte(i>>8 + round)
			}
			want := bytes.Clone(room)
			if err := a.Commit(t.Context(), size); err != nil {
				t.Fatal(err)
			}
			if got, err := b.Receive(t.Context()); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("round %d, %d bytes: got %d, %v", round, size, len(got), err)
			}
		}
	}
}

// Room that is not there is waited for, and more than a record can have is refused.
func TestReserveWaits(t *testing.T) {
	a, b := both(t, at("shm", alone(t))+"?ring=4096")
	defer a.Close()
	defer b.Close()
	if _, err := a.Reserve(t.Context(), 1025); !errors.Is(err, kith.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	sent := 0
	ctx, cancel := context.WithCancel(t.Context())
	filling := kithtest.Go(func() error {
		for ; ; sent++ {
			room, err := a.Reserve(ctx, 1000)
			if err != nil {
				return err
			}
			binary.NativeEndian.PutUint64(room, uint64(sent))
			if err := a.Commit(ctx, len(room)); err != nil {
				return err
			}
		}
	})
	if err := filling.Parked(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := filling.Wait(); !errors.Is(err, context.Canceled) || sent == 0 {
		t.Errorf("%d sent, %v", sent, err)
	}
	for n := range sent {
		lease, err := b.Lease(t.Context())
		if err != nil || binary.NativeEndian.Uint64(lease.Bytes()) != uint64(n) {
			t.Fatalf("message %d: %v, %v", n, lease.Bytes()[:8], err)
		}
		lease.Release()
	}
}

// A message that is made in place, and read in place: no copy.
func ExampleConn_Reserve() {
	ctx := context.Background()
	l, err := kith.Listen(ctx, "shm:example-frames")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := kith.Dial(ctx, l.Addr())
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		frame, err := conn.Reserve(ctx, 1<<10) // at most
		if err != nil {
			log.Fatal(err)
		}
		n := copy(frame, "a frame")
		if err := conn.Commit(ctx, n); err != nil {
			log.Fatal(err)
		}
	}()
	conn, err := l.Accept(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	lease, err := conn.Lease(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", lease.Bytes())
	lease.Release()
	// Output: a frame
}
