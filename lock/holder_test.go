package lock_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/lock"
)

func TestHolder(t *testing.T) {
	span := lock.Range{Start: 10, Length: 20}
	for _, test := range []struct {
		kind, theirs string // who asks, and who holds
		span         lock.Range
		hasPID       bool
	}{
		{"flock", "flock", lock.Whole, true},
		{"posix", "posix", span, true},
		{"posix", "lockf", span, true},
		{"ofd", "posix", span, true},
		{"ofd", "ofd", span, false},
		{"posix", "ofd", span, false},
	} {
		for _, mode := range []string{"shared", "exclusive"} {
			if test.theirs == "lockf" && mode == "shared" {
				continue
			}
			t.Run(test.kind+"/"+test.theirs+"/"+mode, func(t *testing.T) {
				file := newFile(t)
				they := newPeer(t, "C", file.Name())
				they.asks("ok", "%s try %s %d %d", test.theirs, mode, test.span.Start, test.span.Length)
				want := lock.Holder{Kind: kinds[test.theirs], Mode: modes[mode], Span: test.span}
				if test.hasPID {
					want.PID = they.pid()
				}
				target := lock.On(file, kinds[test.kind])
				holds(t, target, lock.Exclusive, &want)
				if mode == "shared" {
					holds(t, target, lock.Shared, nil)
				}
				they.asks("ok", "%s drop %s %d %d", test.theirs, mode, test.span.Start, test.span.Length)
				holds(t, target, lock.Exclusive, nil)
			})
		}
	}
}

func holds(t *testing.T, target *lock.Target, mode lock.Mode, want *lock.Holder) {
	t.Helper()
	holder, err := target.Holder(mode, lock.Whole)
	switch {
	case err != nil:
		t.Error(err)
	case holder == nil || want == nil:
		if holder != want {
			t.Errorf("%v, want %v", holder, want)
		}
	case *holder != *want:
		t.Errorf("%v, want %v", holder, want)
	}
}

// A range that is free has no holder, whoever holds the rest.
func TestHolderOfRange(t *testing.T) {
	file := newFile(t)
	they := newPeer(t, "C", file.Name())
	they.asks("ok", "ofd try exclusive 10 10")
	for start, free := range map[int64]bool{9: true, 10: false, 19: false, 20: true} {
		holder, err := lock.On(file, lock.OFD).Holder(lock.Shared, lock.Range{Start: start, Length: 1})
		if err != nil || (holder == nil) != free {
			t.Errorf("byte %d: %v, %v", start, holder, err)
		}
	}
}

// One's own locks are in nobody's way, but those of flock are listed.
func TestHolderOfOwn(t *testing.T) {
	file := newFile(t)
	for _, kind := range []lock.Kind{lock.OFD, lock.POSIX} {
		target := lock.On(file, kind)
		l := take(t, target, lock.Exclusive)
		holds(t, target, lock.Exclusive, nil)
		unlock(t, l)
	}
	target := lock.On(file, lock.Flock)
	l := take(t, target, lock.Exclusive)
	holds(t, target, lock.Exclusive, &lock.Holder{PID: pid, Kind: lock.Flock, Mode: lock.Exclusive})
	unlock(t, l)
}

// A waiter is not taken for the holder.
func TestHolderIsNoWaiter(t *testing.T) {
	file := newFile(t)
	first, second := newPeer(t, "C", file.Name()), newPeer(t, "C", file.Name())
	first.asks("ok", "flock try shared 0 0")
	second.tell("flock wait exclusive 0 0")
	queued(t, file.Name(), 1)
	holds(t, lock.On(file, lock.Flock), lock.Shared, nil)
	holds(t, lock.On(file, lock.Flock), lock.Exclusive, &lock.Holder{PID: first.pid(), Kind: lock.Flock, Mode: lock.Shared})
}

func TestHolderOfLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	for _, kind := range []lock.Kind{lock.Flock, lock.OFD} {
		file := lock.At(path, kind)
		holds(t, file, lock.Exclusive, nil) // there is no such file
		l := take(t, file, lock.Exclusive)
		want := &lock.Holder{Kind: kind, Mode: lock.Exclusive}
		if kind == lock.Flock {
			want.PID = pid
		}
		holds(t, file, lock.Shared, want)
		if err := l.Remove(); err != nil {
			t.Error(err)
		}
		holds(t, file, lock.Exclusive, nil)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	holds(t, lock.At(path, lock.Flock), lock.Exclusive, nil) // and nobody waits for a writer
	_, err := lock.At(filepath.Join(path, "x"), lock.Flock).Holder(lock.Shared, lock.Whole)
	wants(t, err, unix.ENOTDIR)
	_, err = lock.At(path, lock.Flock).Holder(0, lock.Whole)
	wants(t, err, unix.EINVAL)
}

// On overlayfs and btrfs, stat(2) and proc_locks(5) name the device differently.
func TestHolderOnOverlay(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	base := t.TempDir()
	lower, merged, other := filepath.Join(base, "lower"), filepath.Join(base, "merged"), filepath.Join(base, "other")
	for _, directory := range []string{lower, merged, other} {
		if err := os.Mkdir(directory, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	openFile(t, filepath.Join(lower, "file"), os.O_RDWR|os.O_CREATE)
	mount(t, "tmpfs", other, 0, "")
	for _, directory := range []string{"upper", "work"} {
		if err := os.Mkdir(filepath.Join(other, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount(t, "overlay", merged, 0, "lowerdir="+lower+",upperdir="+other+"/upper,workdir="+other+"/work")
	path := filepath.Join(merged, "file")
	file, err := os.Open(path) // for reading: of the lower layer
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() // before the file system is unmounted
	l := take(t, lock.On(file, lock.Flock), lock.Exclusive)
	holds(t, lock.On(file, lock.Flock), lock.Exclusive, &lock.Holder{PID: pid, Kind: lock.Flock, Mode: lock.Exclusive})
	unlock(t, l)
}

func mount(t *testing.T, kind, where string, flags uintptr, options string) {
	t.Helper()
	if err := unix.Mount(kind, where, kind, flags, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(where, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}
