package wait

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strconv"
	"testing"

	"kith/internal/kithtest"
	"kith/internal/sys"
)

// A context ends a wait in whichever stage it is: before it begins, while it looks and
// spins, as it announces, parked. The next wait is as good as the first.
func TestContextEndsEveryStage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for name, spinner := range map[string]Spinner{"parking": {skip: 1 << 30}, "spinning": {score: full}} {
		t.Run(name, func(t *testing.T) {
			l := newLane(t)
			for n := range rounds(500) {
				l.waiter.spinner = spinner
				ctx, cancel := context.WithCancel(t.Context())
				if n%8 == 0 {
					cancel()
				}
				call := l.wait(ctx)
				for range random.IntN(1 << random.IntN(13)) {
					sys.Pause()
				}
				cancel()
				if err := woken(t, call); !errors.Is(err, context.Canceled) {
					t.Fatalf("wait %d: %v, want that its context was canceled", n, err)
				}
				if l.want.Load()&modes != 0 {
					t.Fatalf("wait %d: the announcement %#x was not withdrawn", n, l.want.Load())
				}
				call = l.wait(t.Context())
				l.word.Store(1)
				l.bell.Ring()
				if err := woken(t, call); err != nil {
					t.Fatal(err)
				}
				l.word.Store(0)
			}
		})
	}
}

var errTired = errors.New("tired of waiting")

// A peer that is stopped, at whatever moment, answers nobody, and is not given up: silence
// is no death. Waits for data and for room end with their context, and the same ones find
// what they wait for when it goes on.
func TestPeerIsStopped(t *testing.T) {
	for name, spins := range map[string]bool{"parking": false, "spinning": true} {
		t.Run(name, func(t *testing.T) {
			child, s := joined(t, "answer", spins, "2", strconv.Itoa(1<<30), "1")
			var sent, got uint64
			put := func(ctx context.Context) error {
				err := s.put(ctx, binary.NativeEndian.AppendUint64(nil, sent))
				if err == nil {
					sent++
				}
				return err
			}
			expect := func(ctx context.Context) error {
				err := s.expect(ctx, got)
				if err == nil {
					got++
				}
				return err
			}
			for range 10 {
				for range s.random.IntN(100) {
					if err := put(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				s.dawdle()
				if err := child.Stop(); err != nil {
					t.Fatal(err)
				}
				tire(t, put)
				tire(t, expect)
				if err := child.Continue(); err != nil {
					t.Fatal(err)
				}
				for got < sent {
					if err := expect(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Logf("%d messages there and back", got)
		})
	}
}

// tire repeats what waits for the peer until it parks, and ends its context.
func tire(t *testing.T, once func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	call := kithtest.Go(func() (err error) {
		for err == nil {
			err = once(ctx)
		}
		return err
	})
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	cancel(errTired)
	if err := woken(t, call); !errors.Is(err, errTired) {
		t.Fatalf("%v, want the cause of its context", err)
	}
}
