package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// MapFile maps length bytes of a file from the offset, both in bytes, shared
// with everybody who maps it. The mapping, which Unmap takes, are the whole
// pages around those bytes, which begin at start. A page is as large as the
// file's.
func MapFile(fd int, offset int64, length, page int, writable bool) (mapping []byte, start int, err error) {
	before := int(offset % int64(page))
	size := (before + length + page - 1) / page * page
	prot := unix.PROT_READ
	if writable {
		prot |= unix.PROT_WRITE
	}
	base, err := unix.MmapPtr(fd, offset-int64(before), nil, uintptr(size), prot, unix.MAP_SHARED)
	if err != nil {
		return nil, 0, err
	}
	return unsafe.Slice((*byte)(base), size), before, nil
}
