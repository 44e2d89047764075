package sys

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Word32 is the 32-bit word of memory at an offset in bytes, for atomic access:
// by this process, and by any other that has the memory too. The offset must be
// a multiple of 4 where memory begins at one, and the word lie wholly inside;
// else the error matches EINVAL. The word is valid as long as memory is mapped.
func Word32(memory []byte, offset int) (*atomic.Uint32, error) {
	return word[atomic.Uint32](memory, offset)
}

// Word64 is Word32 for a word of 64 bits, at a multiple of 8.
func Word64(memory []byte, offset int) (*atomic.Uint64, error) {
	return word[atomic.Uint64](memory, offset)
}

func word[T atomic.Uint32 | atomic.Uint64](memory []byte, offset int) (*T, error) {
	size := int(unsafe.Sizeof(*new(T)))
	if offset < 0 || offset > len(memory)-size {
		return nil, fmt.Errorf("a word of %d bytes at %d is outside of %d bytes: %w", size, offset, len(memory), unix.EINVAL)
	}
	at := unsafe.Pointer(&memory[offset])
	if uintptr(at)%uintptr(size) != 0 {
		return nil, fmt.Errorf("a word of %d bytes at %d is not aligned: %w", size, offset, unix.EINVAL)
	}
	return (*T)(at), nil
}

// Faulted reports whether a panic, which debug.SetPanicOnFault made of a signal,
// is of a page of memory that could not be had.
func Faulted(memory []byte, reason any) bool {
	_, inside := faultIn(memory, reason)
	return inside
}
