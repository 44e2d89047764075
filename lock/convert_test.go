package lock_test

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/lock"
)

// OFD and POSIX convert at once or not at all.
func TestFailedConversionKeeps(t *testing.T) {
	for _, kind := range []string{"ofd", "posix"} {
		t.Run(kind, func(t *testing.T) {
			file := newFile(t)
			they := newPeer(t, "C", file.Name())
			l := take(t, lock.On(file, kinds[kind]), lock.Shared)
			they.asks("ok", "%s try shared 0 0", kind)
			wants(t, l.TryConvert(lock.Exclusive), lock.ErrBusy, unix.EAGAIN)
			if l.Mode() != lock.Shared {
				t.Error("converted by a conversion that failed")
			}
			they.asks(busy(), "%s try exclusive 0 0", kind) // ours is in the way
			they.asks("ok", "%s drop shared 0 0", kind)
			convert(t, l, lock.Exclusive)
			they.asks(busy(), "%s try shared 0 0", kind)
			convert(t, l, lock.Shared)
			they.asks("ok", "%s try shared 0 0", kind)
			unlock(t, l)
			they.asks("ok", "%s try exclusive 0 0", kind)
		})
	}
}

func convert(t *testing.T, l *lock.Lock, mode lock.Mode) {
	t.Helper()
	if err := l.TryConvert(mode); err != nil {
		t.Fatal(err)
	}
	if l.Mode() != mode {
		t.Errorf("%v after converting to %v", l.Mode(), mode)
	}
}

// A waiting conversion that is cancelled leaves the old lock.
func TestCancelledConversionKeeps(t *testing.T) {
	for _, kind := range []string{"ofd", "posix"} {
		t.Run(kind, func(t *testing.T) {
			file := newFile(t)
			they := newPeer(t, "C", file.Name())
			l := take(t, lock.On(file, kinds[kind]), lock.Shared)
			they.asks("ok", "%s try shared 0 0", kind)
			err := convertUntilCancelled(t, l, file.Name())
			wants(t, err, context.Canceled)
			they.asks(busy(), "%s try exclusive 0 0", kind)
			unlock(t, l)
		})
	}
}

func convertUntilCancelled(t *testing.T, l *lock.Lock, path string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	converting := kithtest.Go(func() error { return l.Convert(ctx, lock.Exclusive) })
	queued(t, path, 1)
	wants(t, l.Unlock(), lock.ErrInUse)
	wants(t, l.TryConvert(lock.Shared), lock.ErrInUse)
	cancel()
	return converting.Wait()
}

// A conversion by flock gives up what it has.
func TestFlockLoses(t *testing.T) {
	file := newFile(t)
	they := newPeer(t, "C", file.Name())
	target := lock.On(file, lock.Flock)
	l := take(t, target, lock.Shared)
	they.asks("ok", "flock try shared 0 0")
	wants(t, l.TryConvert(lock.Exclusive), lock.ErrLost, lock.ErrBusy, unix.EAGAIN)
	they.asks("ok", "flock try exclusive 0 0")
	wants(t, l.Unlock(), errClosed)
	they.asks("ok", "flock try shared 0 0")

	l = take(t, target, lock.Shared)
	err := convertUntilCancelled(t, l, file.Name())
	wants(t, err, lock.ErrLost, context.Canceled)
	they.asks("ok", "flock try exclusive 0 0")
	wants(t, l.Convert(t.Context(), lock.Shared), errClosed)
	they.asks("ok", "flock drop exclusive 0 0")
}

// Nothing is lost by what is refused before the kernel hears of it.
func TestRefusedConversionKeeps(t *testing.T) {
	file := newFile(t)
	they := newPeer(t, "C", file.Name())
	l := take(t, lock.On(file, lock.Flock), lock.Shared)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	wants(t, l.Convert(ctx, lock.Exclusive), why)
	wants(t, l.TryConvert(0), unix.EINVAL)
	they.asks(busy(), "flock try exclusive 0 0")
	unlock(t, l)
}

// Two converters wait for each other: POSIX tells one of them.
func TestConvertersDeadlock(t *testing.T) {
	file := newFile(t)
	they := newPeer(t, "C", file.Name())
	l := take(t, lock.On(file, lock.POSIX), lock.Shared)
	they.asks("ok", "posix try shared 0 0")
	they.tell("posix wait exclusive 0 0")
	queued(t, file.Name(), 1)
	wants(t, l.Convert(t.Context(), lock.Exclusive), unix.EDEADLK)
	they2 := newPeer(t, "C", file.Name())
	they2.asks(busy(), "posix try exclusive 0 0") // ours is as it was
	unlock(t, l)
	they.hears("ok")
}

// So it does where each waits for what the other holds.
func TestDeadlock(t *testing.T) {
	file := newFile(t)
	they := newPeer(t, "C", file.Name())
	target := lock.On(file, lock.POSIX)
	first := try(t, target, lock.Range{Start: 0, Length: 1})
	they.asks("ok", "posix try exclusive 1 1")
	they.tell("posix wait exclusive 0 1")
	queued(t, file.Name(), 1)
	_, err := target.Lock(t.Context(), lock.Exclusive, lock.Range{Start: 1, Length: 1})
	wants(t, err, unix.EDEADLK)
	unlock(t, first)
	they.hears("ok")
}

// OFD does not see it, and waits until ctx ends.
func TestOFDConvertersWait(t *testing.T) {
	file := newFile(t)
	they := newPeer(t, "C", file.Name())
	l := take(t, lock.On(file, lock.OFD), lock.Shared)
	they.asks("ok", "ofd try shared 0 0")
	they.tell("ofd wait exclusive 0 0")
	queued(t, file.Name(), 1)
	ctx, cancel := context.WithCancel(t.Context())
	converting := kithtest.Go(func() error { return l.Convert(ctx, lock.Exclusive) })
	queued(t, file.Name(), 2)
	cancel()
	wants(t, converting.Wait(), context.Canceled)
	unlock(t, l)
	they.hears("ok")
}

// While a conversion by flock waits, another converts first, and removes the
// lock file: what the one waited for is then no lock on the path.
func TestConversionOfRemovedFile(t *testing.T) {
	path := newFile(t).Name()
	file := lock.At(path, lock.Flock)
	ours, theirs := take(t, file, lock.Shared), take(t, file, lock.Shared)
	converting := kithtest.Go(func() error { return ours.Convert(t.Context(), lock.Exclusive) })
	queued(t, path, 1)
	convert(t, theirs, lock.Exclusive)
	if err := theirs.Remove(); err != nil {
		t.Fatal(err)
	}
	wants(t, converting.Wait(), lock.ErrLost)
	unlock(t, take(t, file, lock.Exclusive))
}
