package sys

import (
	"errors"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// A Fault is a page of a mapping that could not be had: its file was truncated,
// or its file system is full or failed (mmap(2), SIGBUS).
type Fault struct {
	Offset int // in bytes, from the start of the mapping
}

func (f *Fault) Error() string { return "a page of the mapping cannot be had" }

// Copy copies as copy does, where one of the two lies in the mapping. The
// signal that ends a process which touches a page that cannot be had is a
// *Fault here; how much was copied by then is not known. It works for this
// goroutine alone (debug.SetPanicOnFault), so it takes no lock and makes no
// system call: 10 ns.
func Copy(dst, src, mapping []byte) (err error) {
	defer caught(debug.SetPanicOnFault(true), mapping, &err)
	if overlap(dst, src) {
		copy(dst, src)
		return nil
	}
	for ; len(src) > piece; dst, src = dst[piece:], src[piece:] {
		copy(dst[:piece], src)
	}
	copy(dst, src)
	return nil
}

// piece is what Go copies through the cache: from 1 MiB on it writes past it,
// which takes longer for whoever reads next.
const piece = 256 << 10

// overlap reports whether a copy by pieces could overwrite what is yet to be copied.
func overlap(a, b []byte) bool {
	from, to := uintptr(unsafe.Pointer(unsafe.SliceData(a))), uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return from < to+uintptr(len(b)) && to < from+uintptr(len(a))
}

// caught turns the panic of a fault in the mapping into an error. Other panics
// go on: they are not of our making.
func caught(before bool, mapping []byte, err *error) {
	debug.SetPanicOnFault(before)
	reason := recover()
	if reason == nil {
		return
	}
	offset, inside := faultIn(mapping, reason)
	if !inside {
		panic(reason)
	}
	*err = &Fault{Offset: offset}
}

func faultIn(mapping []byte, reason any) (offset int, inside bool) {
	thrown, isRuntime := reason.(runtime.Error)
	var at interface{ Addr() uintptr }
	if !isRuntime || !errors.As(thrown, &at) {
		return 0, false
	}
	offset = int(at.Addr() - uintptr(unsafe.Pointer(unsafe.SliceData(mapping))))
	return offset, offset >= 0 && offset < len(mapping)
}
