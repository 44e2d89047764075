package lock_test

import (
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"kith/lock"
)

// Ranges of ours, and of a C program that comes to them.
var ranges = []struct {
	name         string
	ours, theirs lock.Range
	meet         bool
}{
	{"equal", lock.Range{Start: 10, Length: 10}, lock.Range{Start: 10, Length: 10}, true},
	{"touch after", lock.Range{Start: 10, Length: 10}, lock.Range{Start: 20, Length: 10}, false},
	{"touch before", lock.Range{Start: 10, Length: 10}, lock.Range{Length: 10}, false},
	{"overlap by one", lock.Range{Start: 10, Length: 10}, lock.Range{Start: 19, Length: 10}, true},
	{"nested", lock.Range{Start: 10, Length: 10}, lock.Range{Start: 14, Length: 1}, true},
	{"around", lock.Range{Start: 10, Length: 10}, lock.Range{Length: 100}, true},
	{"whole", lock.Range{Start: 10, Length: 10}, lock.Whole, true},
	{"negative, meets", lock.Range{Start: 20, Length: -10}, lock.Range{Start: 10, Length: 1}, true},
	{"negative, touches", lock.Range{Start: 20, Length: -10}, lock.Range{Start: 20, Length: 1}, false},
	{"negative, theirs", lock.Range{Start: 10, Length: 10}, lock.Range{Start: 20, Length: -1}, true},
	{"to the end", lock.Range{Start: 10}, lock.Range{Start: 1 << 40, Length: 1}, true},
	{"before the end", lock.Range{Start: 10}, lock.Range{Start: 9, Length: 1}, false},
}

func TestRanges(t *testing.T) {
	for _, kind := range []string{"ofd", "posix"} {
		for _, theirs := range []string{"ofd", "posix", "lockf"} {
			file := newFile(t)
			they := newPeer(t, "C", file.Name())
			for _, r := range ranges {
				t.Run(fmt.Sprintf("%s/%s/%s", kind, theirs, r.name), func(t *testing.T) {
					tryBeside(t, lock.On(file, kinds[kind]), &peer{they.Child, t}, theirs, r.ours, r.theirs, r.meet)
				})
			}
		}
	}
}

func tryBeside(t *testing.T, target *lock.Target, they *peer, kind string, ours, theirs lock.Range, meet bool) {
	t.Helper()
	l, err := target.Try(lock.Exclusive, ours)
	if err != nil {
		t.Fatal(err)
	}
	want := "ok"
	if meet {
		want = busy()
	}
	they.asks(want, "%s try exclusive %d %d", kind, theirs.Start, theirs.Length)
	they.asks("ok", "%s drop exclusive %d %d", kind, theirs.Start, theirs.Length)
	unlock(t, l)
}

// Locks of one open file join and split; those of two exclude each other.
func TestJoinAndSplit(t *testing.T) {
	for _, kind := range []string{"ofd", "posix"} {
		t.Run(kind, func(t *testing.T) {
			file := newFile(t)
			they := newPeer(t, "C", file.Name())
			target := lock.On(file, kinds[kind])
			left := try(t, target, lock.Range{Start: 0, Length: 20})
			right := try(t, target, lock.Range{Start: 10, Length: 20})
			unlock(t, left) // bytes 10 to 19 with it: they are one lock
			they.asks("ok", "%s try exclusive 0 20", kind)
			they.asks(busy(), "%s try exclusive 20 1", kind)
			unlock(t, right)
			they.asks("ok", "%s try exclusive 20 1", kind)
		})
	}
}

func try(t *testing.T, target *lock.Target, span lock.Range) *lock.Lock {
	t.Helper()
	l, err := target.Try(lock.Exclusive, span)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Lockf counts from the file's offset, and back from it.
func TestLockf(t *testing.T) {
	file := newFile(t)
	they := newPeer(t, "C", file.Name())
	for size, span := range map[int64]lock.Range{10: {Start: 50, Length: 10}, -10: {Start: 40, Length: 10}, 0: {Start: 50, Length: 0}} {
		seek(t, file, 50)
		l, err := lock.Lockf(t.Context(), file, size)
		if err != nil {
			t.Fatal(err)
		}
		seek(t, file, 7) // the lock stays where it is
		they.asks(fmt.Sprintf("held exclusive %d %d %d", pid, span.Start, span.Length), "posix get shared 0 0")
		unlock(t, l)
		they.asks("free", "posix get shared 0 0")
	}
	seek(t, file, 5)
	_, err := lock.TryLockf(file, -10)
	wants(t, err, unix.EINVAL)
}

func TestLockfBusy(t *testing.T) {
	file := newFile(t)
	they := newPeer(t, "C", file.Name())
	they.asks("ok", "lockf try exclusive 100 10")
	seek(t, file, 109)
	_, err := lock.TryLockf(file, 1)
	wants(t, err, lock.ErrBusy, unix.EAGAIN)
	holder, err := lock.TestLockf(file, 1)
	if err != nil || holder == nil || holder.PID != they.pid() {
		t.Errorf("%v, %v: want process %d", holder, err, they.pid())
	}
	seek(t, file, 110)
	if holder, err := lock.TestLockf(file, 1); holder != nil || err != nil {
		t.Errorf("%v, %v: want nobody", holder, err)
	}
	l, err := lock.TryLockf(file, 1)
	if err != nil {
		t.Fatal(err)
	}
	they.asks(errno(unix.EACCES), "lockf get exclusive 110 1") // glibc's F_TEST
	unlock(t, l)
}

func seek(t *testing.T, file io.Seeker, offset int64) {
	t.Helper()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		t.Fatal(err)
	}
}
