package rendezvous_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

func init() { kithtest.Register(map[string]kithtest.Func{"queue up": queueUp}) }

// queueUp, in a child, has some dial each address that it is told, and says how
// that ended: well, with nobody there, or else.
func queueUp([]string) error {
	for {
		addr := kithtest.Hear()
		var dialling sync.WaitGroup
		var verdicts [4]string
		for i := range verdicts {
			dialling.Go(func() { verdicts[i] = verdict(addr) })
		}
		kithtest.Say("dialling")
		dialling.Wait()
		kithtest.Say(strings.Join(verdicts[:], "; "))
	}
}

func verdict(addr string) string {
	conn, err := kith.Dial(context.Background(), addr)
	if errors.Is(err, kith.ErrNoListener) {
		return "nobody"
	}
	if err == nil {
		_, err = conn.Receive(context.Background())
		_ = conn.Close()
		if errors.Is(err, io.EOF) {
			return "goodbye"
		}
	}
	return fmt.Sprint(err)
}

// Who waits in the queue of a listener that closes, or in the middle of its
// handshake, hears that nobody listens: not that the listener does not speak kith.
func TestCloseUnderAQueue(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket", "tcp", "fifo"} {
		t.Run(scheme, func(t *testing.T) {
			child := kithtest.Command(t, "queue up").Start()
			for range 100 {
				listener, err := kith.Listen(t.Context(), named(t, scheme))
				if err != nil {
					t.Fatal(err)
				}
				if err := child.Say(listener.Addr()); err != nil {
					t.Fatal(err)
				}
				if heard, err := child.Hear(); heard != "dialling" {
					t.Fatal(heard, err)
				}
				if err := listener.Close(); err != nil {
					t.Error(err)
				}
				heard, err := child.Hear()
				if err != nil {
					t.Fatal(err)
				}
				for verdict := range strings.SplitSeq(heard, "; ") {
					if verdict != "nobody" && verdict != "goodbye" {
						t.Fatalf("a dialer met the end of its listener with %q", verdict)
					}
				}
			}
		})
	}
}
