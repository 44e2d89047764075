package shm

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"

	"kith/internal/kithtest"
)

// echo sends back what comes, until the goodbye.
func echo(ctx context.Context, c *conn) error {
	for {
		msg, err := c.Receive(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = c.Send(ctx, msg)
		}
		if err != nil {
			return err
		}
	}
}

func TestNoAllocation(t *testing.T) {
	cancelable, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancelable": cancelable} {
		for _, blocked := range []bool{false, true} {
			t.Run(name+map[bool]string{false: " running", true: " blocked"}[blocked], func(t *testing.T) {
				a, b := joinBoth(t, 16<<10, 16<<10)
				answers := kithtest.Go(func() error { return echo(ctx, b) })
				msg := make([]byte, 8<<10) // two pieces
				round := func() {
					for blocked && !announced(b) {
						runtime.Gosched()
					}
					if err := a.Send(ctx, msg); err != nil {
						t.Fatal(err)
					}
					if got, err := a.Receive(ctx); err != nil || len(got) != len(msg) {
						t.Fatal(len(got), err)
					}
				}
				for range 100 { // what is made once
					round()
				}
				if n := testing.AllocsPerRun(500, round); n != 0 {
					t.Errorf("%v allocations a round trip", n)
				}
				_ = a.Close()
				if err := answers.Wait(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
