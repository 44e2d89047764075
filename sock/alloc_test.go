//go:build !race

// The race detector makes a sync.Pool forget.

package sock_test

import (
	"testing"

	"kith/sock"
)

// Messages without descriptors cost no allocation, once a context is known.
func TestMessagesDoNotAllocate(t *testing.T) {
	for _, kind := range kinds {
		a, b := pair(t, kind)
		message, buffer := []byte("hello"), make([]byte, 16)
		ctx, none := t.Context(), sock.Exactly(0)
		allocated := testing.AllocsPerRun(1000, func() {
			if err := a.Send(ctx, message); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Receive(ctx, buffer, none); err != nil {
				t.Fatal(err)
			}
		})
		if allocated >= 1 {
			t.Errorf("%v: %v allocations", kind, allocated)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	for _, kind := range kinds {
		b.Run(kind.String(), func(b *testing.B) {
			one, other, err := sock.Pair(kind)
			if err != nil {
				b.Fatal(err)
			}
			sender, err1 := sock.On(one)
			receiver, err2 := sock.On(other)
			if err1 != nil || err2 != nil {
				b.Fatal(err1, err2)
			}
			defer sender.Close()
			defer receiver.Close()
			message, buffer := make([]byte, 64), make([]byte, 64)
			for b.Loop() {
				_ = sender.Send(b.Context(), message)
				_, _ = receiver.Receive(b.Context(), buffer, sock.Exactly(0))
			}
		})
	}
}
