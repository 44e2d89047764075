package lock_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/lock"
)

// silent mounts a file system whose server does not answer those who wait.
func silent(t *testing.T, how ...string) (server *peer, path string) {
	t.Helper()
	kithtest.NeedKernel(t, "mount")
	directory := t.TempDir()
	server = &peer{kithtest.Python(t, "testdata/fuse.py", append([]string{directory}, how...)...).Start(), t}
	server.hears("mounted")
	t.Cleanup(func() {
		if err := unix.Unmount(directory, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return server, filepath.Join(directory, "file")
}

// The kernel does not let go of a thread for whom a server has no answer. The
// call returns without it, and gives the lock up when it comes after all.
func TestServerIsSilent(t *testing.T) {
	for name, kind := range map[string]lock.Kind{"flock": lock.Flock, "posix": lock.POSIX} {
		t.Run(name, func(t *testing.T) {
			server, path := silent(t)
			file := openFile(t, path, os.O_RDWR)
			before := kithtest.Hold()
			target := lock.On(file, kind)
			_, err := target.Try(lock.Exclusive, lock.Whole)
			wants(t, err, lock.ErrBusy)
			cancelWhileSilent(t, server, target)
			server.tell("grant")
			server.hears("drop")
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

func cancelWhileSilent(t *testing.T, server *peer, target *lock.Target) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	w := waitFor(ctx, target, lock.Exclusive, lock.Whole)
	server.hears("wait")
	cancel(errCause)
	wants(t, w.Wait(), errCause)
	if w.lock != nil {
		t.Error("a lock, and an error")
	}
}

// A lock file is closed at once, and a lock that comes later ends with it.
func TestServerIsSilentAboutLockFile(t *testing.T) {
	server, path := silent(t)
	before := kithtest.Hold()
	cancelWhileSilent(t, server, lock.At(path, lock.Flock))
	server.tell("grant")
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// What becomes of a conversion is not known, so the lock ends with it.
func TestServerIsSilentAboutConversion(t *testing.T) {
	server, path := silent(t)
	l := take(t, lock.On(openFile(t, path, os.O_RDWR), lock.OFD), lock.Shared)
	ctx, cancel := context.WithCancelCause(t.Context())
	converting := kithtest.Go(func() error { return l.Convert(ctx, lock.Exclusive) })
	server.hears("wait")
	cancel(errCause)
	wants(t, converting.Wait(), errCause, lock.ErrLost)
	wants(t, l.Unlock(), errClosed)
	server.tell("grant")
	server.hears("drop")
}

// A server that answers in time, and one that dies.
func TestServerAnswers(t *testing.T) {
	server, path := silent(t)
	target := lock.On(openFile(t, path, os.O_RDWR), lock.Flock)
	w := waitFor(t.Context(), target, lock.Exclusive, lock.Whole)
	server.hears("wait")
	server.tell("grant")
	if err := w.Wait(); err != nil {
		t.Fatal(err)
	}
	unlock(t, w.lock)
	server.hears("drop")
	_, err := lock.On(openFile(t, path, os.O_RDWR), lock.POSIX).Holder(lock.Shared, lock.Whole)
	wants(t, err, unix.ENOLCK)

	w = waitFor(t.Context(), target, lock.Exclusive, lock.Whole)
	server.hears("wait")
	server.Kill()
	if err := w.Wait(); !errors.Is(err, unix.ECONNABORTED) && !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("%v, want what the kernel says of a dead server", err)
	}
}

// On a file system whose inodes do not last, a path leads to another file each time.
// Then nobody gets a lock file, but ctx is heard.
func TestInodesDoNotLast(t *testing.T) {
	server, path := silent(t, "restless")
	ctx, cancel := context.WithCancelCause(t.Context())
	w := waitFor(ctx, lock.At(path, lock.Flock), lock.Shared, lock.Whole)
	server.hears("open")
	server.hears("open")
	cancel(errCause)
	wants(t, w.Wait(), errCause)
}
