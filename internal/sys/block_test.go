package sys_test

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/ipc"
)

// locked returns a call that waits for a lock which the test holds, and the
// function that gives the lock up.
func locked(t *testing.T) (call func() error, unlock func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lock")
	holder, waiter := open(t, path), open(t, path)
	if err := unix.Flock(int(holder.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	call = func() error { return unix.Flock(int(waiter.Fd()), unix.LOCK_EX) }
	return call, func() { _ = unix.Flock(int(holder.Fd()), unix.LOCK_UN) }
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func TestBlockIsCancelled(t *testing.T) {
	call, _ := locked(t)
	before := kithtest.Hold()
	why := errors.New("no longer needed")
	ctx, cancel := context.WithCancelCause(t.Context())
	waiting := kithtest.Go(func() error { return sys.Block(ctx, call, nil) })
	if err := waiting.Parked(); err != nil {
		t.Fatal(err)
	}
	cancel(why)
	if err := waiting.Wait(); !errors.Is(err, why) {
		t.Errorf("%v, want the cause", err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func TestBlockReturnsTheCall(t *testing.T) {
	call, unlock := locked(t)
	waiting := kithtest.Go(func() error { return sys.Block(t.Context(), call, nil) })
	if err := waiting.Parked(); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := waiting.Wait(); err != nil {
		t.Error(err)
	}
	if err := sys.Block(t.Context(), func() error { return unix.EIO }, nil); !errors.Is(err, unix.EIO) {
		t.Errorf("%v, want EIO", err)
	}
}

func TestBlockWithEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := sys.Block(ctx, func() error { t.Error("the call was made"); return nil }, nil)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A thousand give up at once, and their threads are gone.
func TestBlockThousand(t *testing.T) {
	call, _ := locked(t)
	before := kithtest.Hold()
	ctx, cancel := context.WithCancel(t.Context())
	var waiting []*kithtest.Call
	for range 1000 {
		waiting = append(waiting, kithtest.Go(func() error { return sys.Block(ctx, call, nil) }))
	}
	if err := kithtest.Parked(waiting...); err != nil {
		t.Fatal(err)
	}
	cancel()
	for _, w := range waiting {
		if err := w.Wait(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func TestBlockIsLimited(t *testing.T) {
	call, _ := locked(t)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	refused := make(chan error, 12000)
	for range 12000 {
		all.Go(func() {
			if err := sys.Block(ctx, call, nil); errors.Is(err, ipc.ErrTooManyWaiting) {
				refused <- err
			}
		})
	}
	for range 10000 {
		err := <-refused
		if limit, found := errors.AsType[*ipc.LimitError](err); !found || limit.Max > 2000 || limit.Max < 10 {
			t.Fatal(err)
		}
	}
	cancel()
	all.Wait()
}

// Neither those who want to hear of every signal nor those who ignore all are
// in the way of an interruption.
func TestBlockBesideOtherHandlers(t *testing.T) {
	heard := make(chan os.Signal, 100)
	signal.Notify(heard)
	defer signal.Stop(heard)
	cancelOne(t)
	signal.Ignore(sys.Interrupt)
	cancelOne(t)
	signal.Reset(sys.Interrupt)
	cancelOne(t)
	for len(heard) > 0 {
		if s := <-heard; s == sys.Interrupt {
			t.Error("signal.Notify heard of the interruption")
		}
	}
}

func cancelOne(t *testing.T) {
	t.Helper()
	call, _ := locked(t)
	ctx, cancel := context.WithCancel(t.Context())
	waiting := kithtest.Go(func() error { return sys.Block(ctx, call, nil) })
	if err := waiting.Parked(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := waiting.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A call that the kernel does not let go of is left behind, and undone when it
// comes back with success.
func TestBlockUndoes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	release, undone := make(chan struct{}), make(chan struct{})
	deaf := func() error { <-release; return nil }
	if err := sys.Block(ctx, deaf, func() { close(undone) }); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(release)
	<-undone
}
