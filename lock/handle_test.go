package lock_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/lock"
)

func TestEndsOnce(t *testing.T) {
	file := newFile(t)
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			l := take(t, lock.On(file, kind), lock.Exclusive)
			unlock(t, l)
			ended(t, l)
		})
	}
	path := filepath.Join(t.TempDir(), "lock")
	for _, kind := range []lock.Kind{lock.Flock, lock.OFD} {
		l := take(t, lock.At(path, kind), lock.Exclusive)
		unlock(t, l)
		ended(t, l)
		l = take(t, lock.At(path, kind), lock.Exclusive)
		if err := l.Remove(); err != nil {
			t.Error(err)
		}
		ended(t, l)
	}
}

func ended(t *testing.T, l *lock.Lock) {
	t.Helper()
	wants(t, l.Unlock(), errClosed)
	wants(t, l.TryConvert(lock.Shared), errClosed)
	wants(t, l.Convert(t.Context(), lock.Exclusive), errClosed)
	wants(t, l.Remove(), errClosed)
}

// After the end, nothing reaches the descriptor's next owner.
func TestFileAfterTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := take(t, lock.At(path, lock.Flock), lock.Exclusive)
	unlock(t, l)
	next := newFile(t)
	if file := l.File(); file != nil {
		t.Errorf("File gives out descriptor %d, which is %d of another", file.Fd(), next.Fd())
	}
	l = take(t, lock.At(path, lock.Flock), lock.Exclusive)
	file := l.File()
	unlock(t, l)
	if _, err := file.Stat(); !errors.Is(err, errClosed) || l.File() != file {
		t.Errorf("%v, want a closed file", err)
	}
}

// File beside the end, in another goroutine, gives out the file that was closed,
// or none: never one of a number that may be another's by then.
func TestFileBesideTheEnd(t *testing.T) {
	target := lock.At(filepath.Join(t.TempDir(), "lock"), lock.OFD)
	for range 500 {
		l := take(t, target, lock.Exclusive)
		given := make(chan *os.File)
		go func() { given <- l.File() }()
		runtime.Gosched()
		err := l.Unlock()
		file := <-given
		if errors.Is(err, lock.ErrInUse) {
			err = l.Unlock()
		}
		if err != nil {
			t.Fatal(err)
		}
		if file == nil {
			continue
		}
		if _, err := file.Stat(); !errors.Is(err, errClosed) {
			t.Fatalf("after the end, File's file says %v", err)
		}
	}
}

// A caller that closes what File returned gives the lock up, and no other's.
func TestFileClosedByCaller(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := take(t, lock.At(path, lock.Flock), lock.Exclusive)
	number := l.File().Fd()
	if err := l.File().Close(); err != nil {
		t.Fatal(err)
	}
	other := newFile(t)
	if other.Fd() != number {
		t.Fatalf("descriptor %d was to be used again, not %d", number, other.Fd())
	}
	kept := take(t, lock.On(other, lock.Flock), lock.Exclusive)
	wants(t, l.Remove(), errClosed)
	newPeer(t, "C", other.Name()).asks(busy(), "flock try shared 0 0")
	unlock(t, kept)
	unlock(t, take(t, lock.At(path, lock.Flock), lock.Exclusive))
}

func TestClosedFile(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			file := newFile(t)
			target := lock.On(file, kind)
			l := take(t, target, lock.Exclusive)
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			newPeer(t, "C", file.Name()).asks("ok", "%s try exclusive 0 0", name)
			for _, target := range []*lock.Target{target, lock.On(file, kind)} {
				_, err := target.Try(lock.Shared, lock.Whole)
				wants(t, err, errClosed)
				_, err = target.Lock(t.Context(), lock.Shared, lock.Whole)
				wants(t, err, errClosed)
				_, err = target.Holder(lock.Shared, lock.Whole)
				wants(t, err, errClosed)
			}
			wants(t, l.TryConvert(lock.Shared), errClosed)
			if kind != lock.Flock { // for which the Lock ended with the conversion
				wants(t, l.Unlock(), errClosed)
			}
		})
	}
}

// To close the file does not end a wait, nor take the lock from it.
func TestCloseWhileWaiting(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			file := newFile(t)
			they := newPeer(t, "C", file.Name())
			they.asks("ok", "%s try exclusive 0 0", name)
			w := waitFor(t.Context(), lock.On(file, kind), lock.Exclusive, lock.Whole)
			queued(t, file.Name(), 1)
			if err := file.Close(); err != nil {
				t.Error(err)
			}
			they.asks("ok", "%s drop exclusive 0 0", name)
			if err := w.Wait(); err != nil {
				t.Fatal(err)
			}
			they.asks("ok", "%s wait exclusive 0 0", name) // closed for good by now
			wants(t, w.lock.Unlock(), errClosed)
		})
	}
}

// Any close of the file in this process gives a POSIX lock up, and no other kind.
func TestLostByAnyClose(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			file := newFile(t)
			they := newPeer(t, "C", file.Name())
			l := take(t, lock.On(file, kind), lock.Exclusive)
			if _, err := os.ReadFile(file.Name()); err != nil {
				t.Fatal(err)
			}
			want := busy()
			if kind == lock.POSIX {
				want = "ok"
			}
			they.asks(want, "%s try exclusive 0 0", name)
			unlock(t, l)
		})
	}
}

// Between goroutines: whoever opens the file anew is excluded, but by POSIX.
func TestWithinAProcess(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			file := newFile(t)
			again := openFile(t, file.Name(), os.O_RDWR)
			take(t, lock.On(file, kind), lock.Exclusive)
			take(t, lock.On(file, kind), lock.Exclusive) // the same open file
			_, err := lock.On(again, kind).Try(lock.Exclusive, lock.Whole)
			if kind == lock.POSIX && err != nil || kind != lock.POSIX && !errors.Is(err, lock.ErrBusy) {
				t.Error(err)
			}
		})
	}
}

// A child that inherits the file holds a lock of it too, however the parent
// ends, but not its POSIX locks. An Unlock of either ends it for both.
func TestInherited(t *testing.T) {
	for name, kind := range map[string]lock.Kind{"flock": lock.Flock, "ofd": lock.OFD} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			l := take(t, lock.At(path, kind), lock.Exclusive)
			they, child := newPeer(t, "C", path), inheritor(t, l.File())
			unlock(t, l)
			they.asks("ok", "%s try exclusive 0 0", name)
			they.asks("ok", "%s drop exclusive 0 0", name)
			child.Kill()

			l = take(t, lock.At(path, kind), lock.Exclusive)
			child = inheritor(t, l.File())
			if err := l.File().Close(); err != nil { // as the end of our process would
				t.Fatal(err)
			}
			they.asks(busy(), "%s try exclusive 0 0", name)
			they.tell("%s wait exclusive 0 0", name)
			queued(t, path, 1)
			child.Kill()
			they.hears("ok")
			wants(t, l.Unlock(), errClosed)
		})
	}
	t.Run("posix", func(t *testing.T) {
		file := newFile(t)
		take(t, lock.On(file, lock.POSIX), lock.Exclusive)
		inheritor(t, file)
		they := newPeer(t, "C", file.Name())
		they.asks(busy(), "posix try exclusive 0 0")
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		they.asks("ok", "posix try exclusive 0 0")
	})
}

// inheritor is a process that has the file, and does nothing with it.
func inheritor(t *testing.T, file *os.File) *peer {
	t.Helper()
	child := kithtest.Command(t, "locker", os.DevNull)
	child.Cmd.ExtraFiles = []*os.File{file}
	p := &peer{child.Start(), t}
	p.hears("ready")
	return p
}

// A Lock that is forgotten is held: of a lock file until the process ends, or, as
// soon as File was asked for, until the garbage collector finds it.
func TestForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	they := newPeer(t, "C", path)
	func() { take(t, lock.At(path, lock.Flock), lock.Shared) }()
	collect(t)
	they.asks(busy(), "flock try exclusive 0 0")

	second := filepath.Join(t.TempDir(), "lock")
	they = newPeer(t, "C", second)
	func() { take(t, lock.At(second, lock.Flock), lock.Shared).File() }()
	they.tell("flock wait exclusive 0 0")
	collect(t)
	they.hears("ok")
}

// collect returns when what was garbage before has been closed.
func collect(t *testing.T) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	func() { _ = write.Name() }()
	write = nil
	one := make([]byte, 1)
	ended := kithtest.Go(func() error { _, err := read.Read(one); return err })
	for {
		runtime.GC()
		select {
		case <-ended.Done():
			_ = read.Close()
			return
		default:
			runtime.Gosched()
		}
	}
}

// What cannot be locked.
func TestRefused(t *testing.T) {
	file := newFile(t)
	for name, target := range map[string]*lock.Target{
		"POSIX by path": lock.At(file.Name(), lock.POSIX),
		"no kind":       lock.On(file, 9),
		"no path":       lock.At("", lock.Flock),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := target.Try(lock.Shared, lock.Whole)
			wants(t, err, unix.EINVAL)
			_, err = target.Lock(t.Context(), lock.Shared, lock.Whole)
			wants(t, err, unix.EINVAL)
			_, err = target.Holder(lock.Shared, lock.Whole)
			wants(t, err, unix.EINVAL)
		})
	}
	_, err := lock.On(file, lock.Flock).Try(lock.Shared, lock.Range{Length: 1})
	wants(t, err, unix.EINVAL)
	_, err = lock.On(file, lock.OFD).Try(0, lock.Whole)
	wants(t, err, unix.EINVAL)
	wants(t, take(t, lock.On(file, lock.OFD), lock.Exclusive).Remove(), unix.EINVAL)
}

// Remove is for who is alone with the file.
func TestRemoveRefused(t *testing.T) {
	file := lock.At(filepath.Join(t.TempDir(), "lock"), lock.OFD)
	left, right := try(t, file, lock.Range{Length: 10}), try(t, file, lock.Range{Start: 10})
	wants(t, left.Remove(), unix.EINVAL) // right holds on
	unlock(t, right)
	unlock(t, left)
	l := take(t, file, lock.Shared)
	wants(t, l.Remove(), unix.EINVAL)
	convert(t, l, lock.Exclusive)
	if err := l.Remove(); err != nil {
		t.Error(err)
	}
}

// A lock file that somebody else removed or replaced is not ours to remove.
func TestRemoveReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	file := lock.At(path, lock.Flock)
	old := take(t, file, lock.Exclusive)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	now := take(t, file, lock.Exclusive)
	if err := old.Remove(); err == nil {
		t.Error("removed another's lock file")
	}
	wants(t, old.Unlock(), errClosed)
	_, err := file.Try(lock.Shared, lock.Whole)
	wants(t, err, lock.ErrBusy)
	if err := now.Remove(); err != nil {
		t.Error(err)
	}
}
