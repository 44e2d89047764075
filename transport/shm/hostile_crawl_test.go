package shm_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"kith/driver"
	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/transport/shm"
)

func init() { kithtest.Register(map[string]kithtest.Func{"crawler": crawl, "toggler": toggle}) }

// crawl, in a child, has always consumed a little more, and never enough: eight bytes
// within the time of a waiter's first looks.
func crawl(args []string) error {
	return neverEnough(args, func(own []byte) {
		consumed, err := sys.Word64(own, consumedAt)
		for begun := time.Now(); err == nil; {
			consumed.Store(8 * uint64(time.Since(begun)/time.Microsecond))
		}
	})
}

// toggle, in a child, has a record that is mostly gone before it can be read; if not, it
// is a piece of a message.
func toggle(args []string) error {
	return neverEnough(args, func(own []byte) {
		for header, err := sys.Word64(own, ringAt); err == nil; {
			header.Store(more | 8)
			for range 2000 {
				header.Store(0)
			}
		}
	})
}

func neverEnough(args []string, tease func(own []byte)) error {
	h, err := dialled(args[0])
	if err != nil {
		return err
	}
	hello := honestHello()
	hello.Limit = largeBody
	own, err := h.joinAs(hello)
	if err != nil {
		return err
	}
	kithtest.Say("joined")
	go tease(own)
	go func() {
		for {
			h.knock()
		}
	}()
	kithtest.Hear()
	h.close()
	return nil
}

const (
	largeRing = 64 << 20
	largeBody = largeRing / 4 // for which the crawler needs two seconds
)

// A peer that always gives a little room, and one that always has nearly a record, keep
// no call from its context's end, and not from Close.
func TestNeverEnough(t *testing.T) {
	for peer, call := range map[string]func(context.Context, driver.Lender) error{
		"crawler": func(ctx context.Context, conn driver.Lender) error {
			for {
				room, err := conn.Reserve(ctx, largeBody)
				if err != nil {
					return err
				}
				if err := conn.Commit(ctx, len(room)); err != nil {
					return err
				}
			}
		},
		"toggler": func(ctx context.Context, conn driver.Lender) error {
			_, err := conn.Receive(ctx)
			return err
		},
	} {
		for _, end := range []string{"context", "Close"} {
			t.Run(peer+" "+end, func(t *testing.T) {
				conn := metBy(t, peer)
				ctx, cancel := context.WithCancelCause(t.Context())
				going := kithtest.Go(func() error { return call(ctx, conn) })
				time.AfterFunc(200*time.Millisecond, func() {
					if end == "context" {
						cancel(errEnough)
					} else {
						_ = conn.Close()
					}
				})
				select {
				case <-going.Done():
				case <-time.After(10 * time.Second):
					t.Fatal("the call goes on")
				}
				if err := going.Wait(); !errors.Is(err, errEnough) && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				cancel(nil)
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func metBy(t *testing.T, peer string) driver.Lender {
	listener := rawListener(t)
	child := kithtest.Command(t, peer, listener.Addr().String()).Start()
	socket, err := listener.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := shm.Answer(t.Context(), socket, driver.Address{}, shm.Options{Limit: largeRing, Ring: largeRing})
	if err != nil {
		t.Fatal(err)
	}
	if heard, err := child.Hear(); heard != "joined" {
		t.Fatal(heard, err)
	}
	return conn.(driver.Lender)
}
