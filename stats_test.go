package kith_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// What both sides count is what went over: alone, in batches, in pieces, in place; and
// after Close still.
func TestStatsCountTraffic(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket", "fifo"} {
		t.Run(scheme, func(t *testing.T) {
			a, b := both(t, at(scheme, alone(t)))
			large := make([]byte, 1<<20)
			sending := kithtest.Go(func() error { return sendOfEachKind(t.Context(), a, large) })
			for got := 0; got < 6; got++ {
				if _, err := b.Receive(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			lease, err := b.Lease(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			lease.Release()
			if err := sending.Wait(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				want := kith.Traffic{Messages: 7, Bytes: 10 + 0 + 1 + 2 + 3 + 1<<20 + 50}
				if out, in := a.Stats(), b.Stats(); out.Sent != want || in.Received != want || out.Received != in.Sent {
					t.Errorf("sent %+v, received %+v, want %+v", out, in, want)
				}
				a.Close()
				b.Close()
			}
		})
	}
}

func sendOfEachKind(ctx context.Context, c *kith.Conn, large []byte) error {
	for _, size := range []int{10, 0} {
		if err := c.Send(ctx, large[:size]); err != nil {
			return err
		}
	}
	if _, err := c.SendBatch(ctx, [][]byte{large[:1], large[:2], large[:3]}); err != nil {
		return err
	}
	if err := c.Send(ctx, large); err != nil {
		return err
	}
	if _, err := c.Reserve(ctx, 100); err != nil {
		return err
	}
	return c.Commit(ctx, 50)
}

// A receiver that parks and is woken, and a sender that finds no room: both count it.
func TestStatsCountWaits(t *testing.T) {
	a, b := both(t, at("shm", alone(t))+"?ring=4096")
	receiving := kithtest.Go(func() error { _, err := b.Receive(t.Context()); return err })
	if err := receiving.Parked(); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := receiving.Wait(); err != nil {
		t.Fatal(err)
	}
	if out, in := a.Stats(), b.Stats(); in.Data.Parked != 1 || out.Knocks != 1 {
		t.Errorf("one parked, and one woke it: %+v, %+v", in, out)
	}
	sending := kithtest.Go(func() error {
		for range 5 {
			if err := a.Send(t.Context(), make([]byte, 1000)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := sending.Parked(); err != nil {
		t.Fatal(err)
	}
	if out := a.Stats(); out.Full != 1 || out.Room.Parked != 1 || out.Peak < 3*1000 || out.Peak > 4096 {
		t.Errorf("one found the ring full and parked: %+v", out)
	}
	for range 5 {
		if _, err := b.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := sending.Wait(); err != nil {
		t.Fatal(err)
	}
	if in := b.Stats(); in.Knocks != 1 {
		t.Errorf("the sender was woken once: %+v", in)
	}
}

// Reading them costs those who send nothing; it is done at any time.
func ExampleConn_Stats() {
	ctx := context.Background()
	l, err := kith.Listen(ctx, "shm:example-stats")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	conn, err := kith.Dial(ctx, l.Addr())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.SendBatch(ctx, [][]byte{[]byte("one"), []byte("and"), []byte("another")}); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", conn.Stats().Sent)
	// Output: {Messages:3 Bytes:13}
}
