package shm

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/kithtest"
)

// A record is in the peer's mapping when its Send returns: it is not held back
// to be published with others. The child looks once, where its next record
// has to be, as soon as it is told through a pipe that a Send has returned.
func TestVisibleWhenSendReturns(t *testing.T) {
	child, c := joinChild(t, "look", DefaultRing)
	for n := range 200 {
		size := []int{0, 64, 64 << 10}[n%3]
		if err := c.Send(t.Context(), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if err := child.Say(strconv.Itoa(size)); err != nil {
			t.Fatal(err)
		}
		if saw, err := child.Hear(); err != nil || saw != "seen" {
			t.Fatalf("message %d of %d bytes: %s, %v", n, size, saw, err)
		}
	}
}

// look is the child: at each word from the parent it looks at the mapping.
func look([]string) error {
	if err := unix.SetNonblock(3, true); err != nil {
		return err
	}
	joined, err := Offer(context.Background(), os.NewFile(3, "parent"), driver.Address{}, options(DefaultRing))
	if err != nil {
		return err
	}
	c := joined.(*conn)
	for {
		want := kithtest.Hear()
		kind, body, err := c.receiver.consumer.Next()
		if kind == 0 || err != nil || strconv.Itoa(len(body)) != want {
			kithtest.Say(fmt.Sprintf("kind %d of %d bytes, %v; want %s", kind, len(body), err, want))
			continue
		}
		if msg, err := c.Receive(context.Background()); err != nil || len(msg) != len(body) {
			return fmt.Errorf("received %d bytes, %w", len(msg), err)
		}
		kithtest.Say("seen")
	}
}
