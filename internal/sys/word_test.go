package sys_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

func TestWordsAreTheBytes(t *testing.T) {
	memory := page(t)
	narrow, err := sys.Word32(memory, 4)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := sys.Word64(memory, len(memory)-8)
	if err != nil {
		t.Fatal(err)
	}
	narrow.Store(0x01020304)
	wide.Store(0x0102030405060708)
	if got := binary.NativeEndian.Uint32(memory[4:]); got != 0x01020304 {
		t.Errorf("the word of 32 bits is %#x", got)
	}
	if got := binary.NativeEndian.Uint64(memory[len(memory)-8:]); got != 0x0102030405060708 {
		t.Errorf("the word of 64 bits is %#x", got)
	}
}

func TestWordsRefused(t *testing.T) {
	memory := page(t)
	for _, offset := range []int{-1, -8, 1, 2, len(memory) - 3, len(memory), len(memory) + 8, math.MaxInt, math.MinInt} {
		if _, err := sys.Word32(memory, offset); !errors.Is(err, unix.EINVAL) {
			t.Errorf("32 bits at %d: %v", offset, err)
		}
	}
	for _, offset := range []int{-8, 4, len(memory) - 4, len(memory), math.MaxInt, math.MinInt} {
		if _, err := sys.Word64(memory, offset); !errors.Is(err, unix.EINVAL) {
			t.Errorf("64 bits at %d: %v", offset, err)
		}
	}
	if _, err := sys.Word32(nil, 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("in no memory: %v", err)
	}
	if _, err := sys.Word64(memory[4:], 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("in memory that begins off the mark: %v", err)
	}
}

// page is memory that other processes could have too.
func page(t *testing.T) []byte {
	t.Helper()
	memory, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(memory) })
	return memory
}
