package sem_test

import (
	"context"
	"errors"
	"testing"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/sem"
)

// A thousand wait, for both kinds, and give up at once: nothing is left of them,
// and those of other processes wait on.
func TestThousandCancelled(t *testing.T) {
	name, s := newSemaphore(t, 0)
	key, set := newSet(t, 0)
	posix, sysv := cPeer(t), cPeer(t)
	posix.do("open %s", name)
	posix.tell("wait")
	sysv.do("vopen %d", int(key))
	sysv.tell("vop 0,-1,0")
	asleep(t, s, 1)
	waiting(t, set, 0, 1)
	before := kithtest.Hold("/dev/shm")

	ctx, cancel := context.WithCancel(t.Context())
	calls := make([]*kithtest.Call, 1000)
	for i := range calls {
		calls[i] = kithtest.Go(func() error {
			if i%2 == 0 {
				return s.Wait(ctx)
			}
			return set.Do(ctx, sem.Op{Change: -1})
		})
	}
	if err := kithtest.Parked(calls...); err != nil {
		t.Fatal(err)
	}
	asleep(t, s, 501)
	waiting(t, set, 0, 501)
	cancel()
	for _, call := range calls {
		if err := call.Wait(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	wantSemaphore(t, s, 0, 1)
	waiting(t, set, 0, 1)
	if err := errors.Join(s.Post(), set.TryDo(sem.Op{Change: 1})); err != nil {
		t.Fatal(err)
	}
	if a, b := posix.hear(), sysv.hear(); a != "ok 0" || b != "ok 0" {
		t.Errorf("the others said %q and %q", a, b)
	}
}

// More than may wait are refused, and what they asked for is not done.
func TestTooManyWaiting(t *testing.T) {
	_, s := newSemaphore(t, 0)
	_, set := newSet(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	results := make(chan error)
	const all = 12000
	for i := range all {
		go func() {
			if i%2 == 0 {
				results <- s.Wait(ctx)
			} else {
				results <- set.Do(ctx, sem.Op{Change: -1})
			}
		}()
	}
	for range all - 2000 {
		if err := <-results; !errors.Is(err, ipc.ErrTooManyWaiting) {
			t.Fatal(err)
		}
	}
	cancel()
	for range 2000 {
		if err := <-results; !errors.Is(err, context.Canceled) && !errors.Is(err, ipc.ErrTooManyWaiting) {
			t.Error(err)
		}
	}
	wantSemaphore(t, s, 0, 0)
	waiting(t, set, 0, 0)
}
