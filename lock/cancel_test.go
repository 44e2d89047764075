package lock_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/lock"
)

// targets are all ways to lock: on open files, and by the path.
func targets(t testing.TB, path string) map[string]*lock.Target {
	t.Helper()
	file := openFile(t, path, os.O_RDWR|os.O_CREATE)
	return map[string]*lock.Target{
		"On OFD":   lock.On(file, lock.OFD),
		"On POSIX": lock.On(file, lock.POSIX),
		"On Flock": lock.On(file, lock.Flock),
		"At OFD":   lock.At(path, lock.OFD),
		"At Flock": lock.At(path, lock.Flock),
	}
}

// A thousand of all kinds give up at once: no thread is left, no lock, no
// descriptor, and nobody else in the process notices.
func TestThousandCancelled(t *testing.T) {
	path := newFile(t).Name()
	they, others := newPeer(t, "C", path), newPeer(t, "C", path)
	they.asks("ok", "flock try exclusive 0 0")
	they.asks("ok", "ofd try exclusive 0 0")
	all := targets(t, path)
	before := kithtest.Hold(filepath.Dir(path))
	undisturbed(t, func() {
		ctx, cancel := context.WithCancelCause(t.Context())
		var waiting []*waiter
		for range 1000 / len(all) {
			for _, target := range all {
				waiting = append(waiting, waitFor(ctx, target, lock.Exclusive, lock.Whole))
			}
		}
		queued(t, path, len(waiting))
		cancel(errCause)
		for _, w := range waiting {
			wants(t, w.Wait(), errCause)
		}
		queued(t, path, 0)
	})
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	they.asks("ok", "flock drop exclusive 0 0")
	they.asks("ok", "ofd drop exclusive 0 0")
	others.asks("ok", "flock try exclusive 0 0")
	others.asks("ok", "ofd try exclusive 0 0")
}

// undisturbed runs a test beside a thread that reads, which Go's own signals do
// not interrupt (SA_RESTART), and beside children that come and go.
func undisturbed(t *testing.T, test func()) {
	t.Helper()
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { readers(t, pipe[0]) })
	all.Go(func() {
		defer unix.Close(pipe[1])
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := unix.Write(pipe[1], []byte("x")); err != nil {
				t.Error(err)
			}
			if err := exec.Command("/bin/true").Run(); err != nil {
				t.Error(err)
			}
		}
	})
	test()
	close(stop)
	all.Wait()
	_ = unix.Close(pipe[0])
}

// readers reads to the end, each byte in another goroutine, and so now and then
// in another thread.
func readers(t *testing.T, fd int) {
	for ended := false; !ended; {
		done := make(chan struct{})
		go func() {
			defer close(done)
			n, err := unix.Read(fd, make([]byte, 1))
			if err != nil {
				t.Errorf("reading beside it: %v", err)
			}
			ended = n < 1
		}()
		<-done
	}
}

// Twelve thousand do not kill the process: those over the limit are told.
func TestTooMany(t *testing.T) {
	path := newFile(t).Name()
	they := newPeer(t, "C", path)
	they.asks("ok", "flock try exclusive 0 0")
	target := lock.On(openFile(t, path, os.O_RDWR), lock.Flock)
	before := kithtest.Hold()
	waitTooMany(t, target, 12000, 2000)
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	they.asks("ok", "flock drop exclusive 0 0")
	unlock(t, take(t, target, lock.Exclusive))
}

// waitTooMany waits in so many goroutines, of whom at least one and at most
// limit wait, and cancels.
func waitTooMany(t *testing.T, target *lock.Target, goroutines int, limit int64) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	errs := make(chan error, goroutines)
	for range goroutines {
		go func() {
			_, err := target.Lock(ctx, lock.Exclusive, lock.Whole)
			errs <- err
		}()
	}
	for range goroutines - int(limit) {
		err := <-errs
		wants(t, err, ipc.ErrTooManyWaiting)
		if over, typed := errors.AsType[*ipc.LimitError](err); !typed || over.Max > limit || over.Max < 1 {
			t.Fatalf("%v, want a limit of at most %d", err, limit)
		}
	}
	cancel(errCause)
	for range limit {
		wants(t, <-errs, errCause)
	}
}

// The end of ctx races with the lock: either it is returned, or nothing is held.
func TestCancelRacesWithGrant(t *testing.T) {
	path := newFile(t).Name()
	witness := openFile(t, path, os.O_RDWR)
	all := targets(t, path)
	delete(all, "On POSIX") // for which this process is one; see below
	undisturbed(t, func() {
		for name, target := range all {
			kind := map[bool]lock.Kind{true: lock.OFD, false: lock.Flock}[name[3:] == "OFD"]
			t.Run(name, func(t *testing.T) {
				won := 0
				for range 300 {
					won += raceOnce(t, lock.On(witness, kind), target, path)
				}
				t.Logf("%d of 300 won", won)
			})
		}
	})
}

func raceOnce(t *testing.T, holder, target *lock.Target, path string) (won int) {
	t.Helper()
	l := take(t, holder, lock.Exclusive)
	ctx, cancel := context.WithCancelCause(t.Context())
	w := waitFor(ctx, target, lock.Exclusive, lock.Whole)
	queued(t, path, 1)
	go func() {
		for range rand.IntN(20) {
			runtime.Gosched()
		}
		cancel(errCause)
	}()
	for range rand.IntN(20) {
		runtime.Gosched()
	}
	unlock(t, l)
	if err := w.Wait(); err != nil {
		wants(t, err, errCause)
		if w.lock != nil {
			t.Error("a lock, and an error")
		}
	} else {
		_, err := holder.Try(lock.Shared, lock.Whole)
		wants(t, err, lock.ErrBusy)
		unlock(t, w.lock)
		won = 1
	}
	unlock(t, take(t, holder, lock.Exclusive)) // nothing is held
	return won
}

func TestCancelRacesWithGrantPOSIX(t *testing.T) {
	file := newFile(t)
	they := newPeer(t, "C", file.Name())
	target := lock.On(file, lock.POSIX)
	for range 300 {
		they.asks("ok", "posix try exclusive 0 0")
		ctx, cancel := context.WithCancelCause(t.Context())
		w := waitFor(ctx, target, lock.Exclusive, lock.Whole)
		queued(t, file.Name(), 1)
		they.tell("posix drop exclusive 0 0")
		cancel(errCause)
		they.hears("ok")
		if err := w.Wait(); err != nil {
			wants(t, err, errCause)
			they.asks("ok", "posix try exclusive 0 0")
			they.asks("ok", "posix drop exclusive 0 0")
		} else {
			they.asks(busy(), "posix try exclusive 0 0")
			unlock(t, w.lock)
		}
	}
}

// A process that was started with the signal blocked, or ignored, cancels too.
func TestCancelWithMaskInherited(t *testing.T) {
	for _, how := range []string{"block", "ignore"} {
		t.Run(how, func(t *testing.T) {
			file := newFile(t)
			take(t, lock.On(file, lock.Flock), lock.Exclusive)
			take(t, lock.On(file, lock.OFD), lock.Exclusive)
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			child := kithtest.Python(t, "testdata/mask.py", how, program, file.Name())
			child.Cmd.Env = kithtest.Command(t, "canceller").Cmd.Env
			if err := child.Start().Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// canceller waits in all ways, and gives up.
func canceller(args []string) error {
	file, err := os.OpenFile(args[0], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	for range 3 {
		for _, target := range []*lock.Target{lock.On(file, lock.OFD), lock.On(file, lock.POSIX), lock.At(args[0], lock.Flock)} {
			if err := cancelOne(target, info); err != nil {
				return err
			}
		}
	}
	return nil
}

func cancelOne(target *lock.Target, info os.FileInfo) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	w := waitFor(ctx, target, lock.Exclusive, lock.Whole)
	if err := kithtest.Queued(info, 1); err != nil {
		return err
	}
	cancel(errCause)
	if err := w.Wait(); !errors.Is(err, errCause) {
		return fmt.Errorf("%w, want the cause", err)
	}
	return nil
}
