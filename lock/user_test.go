package lock_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/lock"
)

const nobody = 65534

// asNobody is a peer of another user, without rights.
func asNobody(t *testing.T, path string) *peer {
	t.Helper()
	kithtest.NeedKernel(t, "root")
	child := kithtest.Command(t, "visitor", path)
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return &peer{child.Start(), t}
}

// visitor does with a lock file what it is told.
func visitor(args []string) error {
	var l *lock.Lock
	for {
		command := kithtest.Hear()
		file, err := lock.At(args[0], lock.Flock), error(nil)
		switch command {
		case "take":
			l, err = file.Try(lock.Exclusive, lock.Whole)
		case "take ofd":
			l, err = lock.At(args[0], lock.OFD).Try(lock.Exclusive, lock.Whole)
		case "share ofd":
			l, err = lock.At(args[0], lock.OFD).Try(lock.Shared, lock.Whole)
		case "wait":
			l, err = file.Lock(context.Background(), lock.Exclusive, lock.Whole)
		case "holder":
			kithtest.Say(describe(file.Holder(lock.Exclusive, lock.Whole)))
			continue
		case "convert":
			err = l.TryConvert(lock.Shared)
		case "unlock":
			err = l.Unlock()
		case "remove":
			err = l.Remove()
		}
		kithtest.Say(outcome(err))
	}
}

// The whole of it as a user without rights.
func TestUnprivileged(t *testing.T) {
	directory := directoryFor(t, 0o777)
	path := filepath.Join(directory, "lock")
	they := asNobody(t, path)
	they.asks("ok", "take")
	they.asks("ok", "convert")
	they.asks("ok", "unlock")
	file := lock.At(path, lock.Flock)
	l := take(t, file, lock.Exclusive)
	they.asks(busy(), "take")
	they.asks(describe(file.Holder(lock.Shared, lock.Whole)), "holder")
	they.tell("wait")
	queued(t, path, 1)
	if err := l.Remove(); err != nil { // so it makes a new one
		t.Fatal(err)
	}
	they.hears("ok")
	l = waitUntil(t, path, file, lock.Exclusive, func() { they.asks("ok", "remove") })
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	they.asks("ok", "take ofd")
	they.asks("ok", "remove")
}

// Another user's file: whoever may read it may lock it by flock, in a sticky
// directory too, where open(2) with O_CREAT is refused (fs.protected_regular).
func TestAnothersFile(t *testing.T) {
	protect(t)
	path := filepath.Join(directoryFor(t, 0o777|os.ModeSticky), "lock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	they := asNobody(t, path)
	they.asks(errno(unix.EACCES), "take")
	they.asks(errno(unix.EACCES), "holder")
	chmod(t, path, 0o644)
	they.asks("ok", "take")
	they.asks(errno(unix.EPERM), "remove") // sticky
	they.asks("ok", "share ofd")
	they.asks("ok", "unlock")
	they.asks(errno(unix.EBADF), "take ofd")
	chmod(t, path, 0o666)
	they.asks("ok", "take ofd")
	they.asks("ok", "unlock")
	they.asks("ok", "take")
	_, err := lock.At(path, lock.Flock).Try(lock.Exclusive, lock.Whole)
	wants(t, err, lock.ErrBusy)
}

// The other way round: root is refused O_CREAT as well.
func TestAnothersFileAsRoot(t *testing.T) {
	protect(t)
	path := filepath.Join(directoryFor(t, 0o777|os.ModeSticky), "lock")
	they := asNobody(t, path)
	they.asks("ok", "take")
	l := waitUntil(t, path, lock.At(path, lock.Flock), lock.Exclusive, func() { they.asks("ok", "unlock") })
	if err := l.Remove(); err != nil {
		t.Error(err)
	}
}

func TestUnsearchable(t *testing.T) {
	directory := directoryFor(t, 0o700)
	they := asNobody(t, filepath.Join(directory, "lock"))
	they.asks(errno(unix.EACCES), "take")
	chmod(t, directory, 0o755) // but nothing can be made in it
	they.asks(errno(unix.EACCES), "take")
}

// directoryFor makes a directory that is reached by all.
func directoryFor(t *testing.T, mode os.FileMode) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "kith-lock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	chmod(t, directory, mode)
	return directory
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// protect sets fs.protected_regular, as most machines have it anyway.
func protect(t *testing.T) {
	t.Helper()
	kithtest.NeedKernel(t, "root")
	const setting = "/proc/sys/fs/protected_regular"
	before, err := os.ReadFile(setting)
	if err != nil {
		t.Fatal(err)
	}
	if before[0] != '0' {
		return
	}
	if err := os.WriteFile(setting, []byte("2"), 0); err != nil {
		t.Logf("%v: tested as it is, %s", err, before)
		return
	}
	t.Cleanup(func() { _ = os.WriteFile(setting, before, 0) })
}
