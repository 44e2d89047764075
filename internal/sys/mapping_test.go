package sys_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/shm"
)

const control, size = 4096, 8192

func memfd(t *testing.T) *os.File {
	t.Helper()
	file, err := shm.Memfd("kith-sys-test", control+size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func mapped(t *testing.T, file *os.File, writable bool) []byte {
	t.Helper()
	memory, err := sys.MapRing(file, control, size, writable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sys.Unmap(memory) })
	return memory
}

func TestMapRingMirrors(t *testing.T) {
	file := memfd(t)
	memory, seen := mapped(t, file, true), mapped(t, file, false)
	if len(memory) != control+2*size || cap(memory) != len(memory) {
		t.Fatalf("%d bytes of %d", len(memory), cap(memory))
	}
	for i := range memory[:control] {
		memory[i] = 0xcc
	}
	for i := range size {
		memory[control+i] = byte(i * 7)
	}
	memory[control+size+5] = 0xee                           // through the mirror
	copy(memory[control+size-3:], []byte{1, 2, 3, 4, 5, 6}) // over the end
	for name, view := range map[string][]byte{"own": memory, "seen": seen} {
		if !bytes.Equal(view[control:][:size], view[control+size:]) {
			t.Errorf("%s: the two halves differ", name)
		}
		if view[control+5] != 0xee || !bytes.Equal(view[control:][:3], []byte{4, 5, 6}) {
			t.Errorf("%s: what was written through the mirror is % x", name, view[control:][:8])
		}
		if view[control-1] != 0xcc || view[control+6] != 6*7 {
			t.Errorf("%s: the control page and the ring run into each other", name)
		}
	}
	_ = file.Close()
	memory[control] = 0x55
	if seen[control+size] != 0x55 {
		t.Error("the memory ended with the descriptor")
	}
}

// The maker's mapping goes on after the seals; nobody gets another that can
// be written, nor makes one of a mapping that cannot.
func TestSealedMemoryHasOneWriter(t *testing.T) {
	file := memfd(t)
	memory := mapped(t, file, true)
	if err := shm.Seal(file, shm.WriterSeals); err != nil {
		t.Fatal(err)
	}
	seen := mapped(t, file, false)
	memory[control+1] = 42
	if seen[control+1] != 42 {
		t.Error("the maker's writes are not seen after the seals")
	}
	if again, err := sys.MapRing(file, control, size, true); !errors.Is(err, unix.EPERM) {
		_ = sys.Unmap(again)
		t.Errorf("another mapping to write: %v", err)
	}
	if err := unix.Mprotect(seen[:control], unix.PROT_READ|unix.PROT_WRITE); !errors.Is(err, unix.EACCES) {
		t.Errorf("the mapping made writable: %v", err)
	}
	if _, err := file.WriteAt([]byte{1}, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("a write: %v", err)
	}
	punch := unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, control)
	for what, err := range map[string]error{"a hole": punch, "a shorter file": file.Truncate(0), "a longer file": file.Truncate(1 << 20)} {
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestMapRingFailsWhole(t *testing.T) {
	before := kithtest.Hold()
	file := memfd(t)
	closed := memfd(t)
	_ = closed.Close()
	if _, err := sys.MapRing(closed, control, size, true); err == nil {
		t.Error("a closed file was mapped")
	}
	// The first of the three mmaps succeeds, then the second or the third fails.
	for _, odd := range []int{100, control + 100} {
		if _, err := sys.MapRing(file, odd, size, true); !errors.Is(err, unix.EINVAL) {
			t.Errorf("with %d bytes of control: %v", odd, err)
		}
	}
	if err := sys.Unmap(nil); err != nil {
		t.Error(err)
	}
	_ = file.Close()
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}
