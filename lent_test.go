package kith_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"kith"
	"kith/internal/kithtest"
)

// Close beside the giving back of what was lent, at ever other moments: a borrower unmaps
// nothing that Close, or the other half, still uses. A fault would end the process.
func TestCloseBesideGivingBack(t *testing.T) {
	for name, borrow := range map[string]func(ctx context.Context, a, b *kith.Conn) (giveBack func(), err error){
		"discard": func(ctx context.Context, a, _ *kith.Conn) (func(), error) {
			_, err := a.Reserve(ctx, 100)
			return a.Discard, err
		},
		"commit": func(ctx context.Context, a, _ *kith.Conn) (func(), error) {
			_, err := a.Reserve(ctx, 100)
			return func() { _ = a.Commit(ctx, 50) }, err
		},
		"release": func(ctx context.Context, a, b *kith.Conn) (func(), error) {
			if err := b.Send(ctx, make([]byte, 100)); err != nil {
				return nil, err
			}
			lease, err := a.Lease(ctx)
			return lease.Release, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			address := at("shm", alone(t)) + "?ring=4k"
			for i, end := 0, time.Now().Add(300*time.Millisecond); time.Now().Before(end); i++ {
				a, b := both(t, address)
				giveBack, err := borrow(t.Context(), a, b)
				if err != nil {
					t.Fatal(err)
				}
				other := kithtest.Go(func() error { // the other half parks meanwhile, or is refused
					_, _ = a.Receive(t.Context())
					return nil
				})
				if i%2 == 0 && name != "release" {
					if err := other.Parked(); err != nil {
						t.Fatal(err)
					}
				}
				closing := kithtest.Go(a.Close)
				for range i % 50 * 10 {
					runtime.Gosched()
				}
				giveBack()
				if err := errors.Join(closing.Wait(), other.Wait(), b.Close()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// What is lent excludes the batches too, and the goodbye; and nobody reserves more than
// can be sent. On every transport alike.
func TestLentExcludes(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "fifo"} {
		t.Run(scheme, func(t *testing.T) {
			a, b := both(t, at(scheme, alone(t))+"?limit=1m")
			defer a.Close()
			defer b.Close()
			if _, err := b.SendBatch(t.Context(), [][]byte{[]byte("one"), []byte("two")}); err != nil {
				t.Fatal(err)
			}
			lease, err := a.Lease(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			places := make([][]byte, 2)
			if n, err := a.ReceiveBatch(t.Context(), places); n != 0 || !errors.Is(err, kith.ErrConcurrent) || string(lease.Bytes()) != "one" {
				t.Errorf("under a lease of %q: %d, %v", lease.Bytes(), n, err)
			}
			lease.Release()
			if n, err := a.ReceiveBatch(t.Context(), places); n != 1 || err != nil || string(places[0]) != "two" {
				t.Errorf("%d, %v", n, err)
			}
			if _, err := a.Reserve(t.Context(), 1<<50); !errors.Is(err, kith.ErrTooLarge) {
				t.Errorf("reserving 2^50 bytes: %v", err)
			}
			if _, err := a.Reserve(t.Context(), 5); err != nil {
				t.Fatal(err)
			}
			if n, err := a.SendBatch(t.Context(), places); n != 0 || !errors.Is(err, kith.ErrConcurrent) {
				t.Errorf("under a reservation: %d, %v", n, err)
			}
			if err := a.CloseSend(); !errors.Is(err, kith.ErrConcurrent) {
				t.Errorf("a goodbye under a reservation: %v", err)
			}
			a.Discard()
		})
	}
}
