package shm

import (
	"os"
	"sync/atomic"

	"kith/internal/sys"
)

// A View is a segment's memory itself, without a copy, until Release. Any
// number of goroutines may use it at once.
//
// A peer can change every byte at any time, between two looks too: copy what
// you check, then check the copy. A store to a read-only segment ends the
// process (SIGSEGV), and so does a touch of memory that a peer has truncated
// away (SIGBUS), unless the goroutine asked for a panic
// (debug.SetPanicOnFault). Where the peer is not to be trusted, take memory
// that cannot shrink: of System V, or a memfd with seals (Verify); or copy with
// ReadAt and WriteAt.
type View struct {
	segment  *Segment
	released atomic.Bool
}

// Acquire gives access to the memory itself, which stays mapped until Release,
// after Close too.
func (s *Segment) Acquire() (*View, error) {
	if !s.gate.enter() {
		return nil, s.failed("acquire", os.ErrClosed)
	}
	return &View{segment: s}, nil
}

// Bytes is the whole memory. The slice is valid until Release: a touch of it
// later ends the process. After Release, Bytes is nil.
func (v *View) Bytes() []byte {
	if v.released.Load() {
		return nil
	}
	return v.segment.memory
}

// Uint32 is the 32-bit word at an offset in bytes, in this machine's byte
// order, for atomic access: it works between processes as sync/atomic does
// between goroutines, and with what C calls _Atomic uint32_t. It is valid until
// Release. It must begin at a multiple of 4, counted from the start of the
// object (see Map), and lie inside, else the error matches EINVAL. In a read-only segment it can only be loaded.
func (v *View) Uint32(offset int64) (*atomic.Uint32, error) { return word(v, offset, sys.Word32) }

// Uint64 is Uint32 for a word of 64 bits, at a multiple of 8.
func (v *View) Uint64(offset int64) (*atomic.Uint64, error) { return word(v, offset, sys.Word64) }

func word[T any](v *View, offset int64, at func([]byte, int) (*T, error)) (*T, error) {
	if v.released.Load() {
		return nil, v.segment.failed("word", os.ErrClosed)
	}
	if offset != int64(int(offset)) {
		return nil, v.segment.failed("word", v.segment.outside(nil, offset))
	}
	w, err := at(v.segment.memory, int(offset))
	return w, v.segment.failed("word", err)
}

// Release ends the view, once; more calls do nothing. Nobody may touch its
// bytes and words any more.
func (v *View) Release() {
	if v.released.CompareAndSwap(false, true) {
		v.segment.gate.leave()
	}
}
