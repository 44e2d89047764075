package sys

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MapRing maps the first control+ring bytes of a file, and behind them the ring
// once more, so that a record which runs over the ring's end lies in a row:
//
//	0         control        control+ring    control+2*ring
//	| control |     ring      |  ring again  |
//
// Both sizes are multiples of the page. The mapping keeps the file's memory
// alive after the descriptor is closed, and ends with Unmap.
func MapRing(file *os.File, control, ring int, writable bool) ([]byte, error) {
	size := uintptr(control + 2*ring)
	base, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	prot := unix.PROT_READ
	if writable {
		prot |= unix.PROT_WRITE
	}
	fd := int(file.Fd())
	_, err = unix.MmapPtr(fd, 0, base, uintptr(control+ring), prot, unix.MAP_SHARED|unix.MAP_FIXED)
	if err == nil {
		again := unsafe.Add(base, control+ring)
		_, err = unix.MmapPtr(fd, int64(control), again, uintptr(ring), prot, unix.MAP_SHARED|unix.MAP_FIXED)
	}
	if err != nil {
		_ = unix.MunmapPtr(base, size)
		return nil, os.NewSyscallError("mmap", err)
	}
	return unsafe.Slice((*byte)(base), size), nil
}

// Unmap ends a mapping. Nobody may touch the memory any more: a fault there
// cannot be recovered from.
func Unmap(memory []byte) error {
	if memory == nil {
		return nil
	}
	return os.NewSyscallError("munmap", unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(memory)), uintptr(len(memory))))
}
