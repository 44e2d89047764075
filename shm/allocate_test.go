package shm_test

import (
	"errors"
	"math"
	"testing"

	"golang.org/x/sys/unix"

	"kith/ipc"
	"kith/shm"
)

// Where every call that takes long is interrupted, and nothing is kept of it, all
// is allocated in the end, each byte once.
func TestInterruptedAllocation(t *testing.T) {
	const start, length = 12345, 10<<20 + 1
	file := raw(t, 0, 0, 0)
	end := int64(start)
	err := shm.ByPieces(start, length, func(offset, length int64) error {
		if length > 1<<20 {
			return unix.EINTR
		}
		if offset != end {
			t.Errorf("a piece begins at %d, want %d", offset, end)
		}
		end = offset + length
		return unix.Fallocate(int(file.Fd()), 0, offset, length)
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := file.Stat(); err != nil || info.Size() != start+length || end != start+length {
		t.Errorf("allocated up to %d, the file has %d bytes, %v, want %d", end, info.Size(), err, start+length)
	}
}

// Memory that is copied onto itself arrives as copy would have it, however large.
func TestCopyOntoItself(t *testing.T) {
	segment, err := shm.CreateMemfd("overlap", 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer segment.Close()
	view, err := segment.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer view.Release()
	b := view.Bytes()
	for what, move := range map[string]func() (int, error){
		"ReadAt":  func() (int, error) { return segment.ReadAt(b[100:100+1<<20], 0) },
		"WriteAt": func() (int, error) { return segment.WriteAt(b[:1<<20], 100) },
	} {
		for i := range b {
			b[i] = byte(i>>16 + i>>8 + i)
		}
		want := string(b[:1<<20])
		if n, err := move(); n != 1<<20 || err != nil {
			t.Fatal(what, n, err)
		}
		if string(b[100:100+1<<20]) != want {
			t.Errorf("%s onto itself: other bytes than it had", what)
		}
	}
}

// A file that no address space holds is not blamed on a limit that is not set.
func TestLargerThanAddresses(t *testing.T) {
	file := raw(t, 0, 0, 0)
	if err := file.Truncate(math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	_, err := shm.Map(file, 0, math.MaxInt64, shm.ReadOnly)
	if _, found := errors.AsType[*ipc.LimitError](err); found || !errors.Is(err, unix.ENOMEM) {
		t.Errorf("%v, want ENOMEM alone", err)
	}
}
