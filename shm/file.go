package shm

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrNotRegular is an object of another kind where a file was to be mapped: a
// directory, a FIFO, a device.
var ErrNotRegular = errors.New("not a regular file")

// CreateFile makes a file of the size in bytes, filled with zeros and allocated
// on its disk, and maps it for reading and writing (mmap(2)). The mode is
// exact, and the path must be new (EEXIST). Where the file system can, the path
// appears only when the file has its size and its mode.
//
// Errors are *os.PathError: what open(2) and link(2) say, and a LimitError
// where the file system is full (ENOSPC), or RLIMIT_FSIZE (EFBIG) or RLIMIT_AS
// (ENOMEM) is too small.
func CreateFile(path string, size int64, mode fs.FileMode) (*Segment, error) {
	return create(path, KindFile, size, mode)
}

// OpenFile maps a file whole, as large as it is now. One that is empty is a
// *SizeError; what is no regular file is ErrNotRegular. Holes are not filled: a
// View of a file with holes, on a disk without room for them, can fault.
func OpenFile(path string, access Access) (*Segment, error) {
	return openWhole(path, KindFile, access)
}

// OpenOrCreateFile opens a file for reading and writing, or makes it, as
// CreateFile does, and reports which. One that is shorter than the size grows;
// so much of it is allocated in full.
func OpenOrCreateFile(path string, size int64, mode fs.FileMode) (s *Segment, created bool, err error) {
	return openOrCreate(path, KindFile, size, mode)
}

// Map maps length bytes of an open file from an offset, of any alignment. The
// file must be open for reading, and for writing too if the segment is to be
// (EACCES). For writing, a file that ends before grows, and the bytes are
// allocated; for reading, a shorter file is a *SizeError. A sealed memfd
// refuses to grow, or to be written (EPERM). The file stays the caller's, who
// may close it. (To close the segment, or the file, gives up the POSIX record
// locks that this process has on it, fcntl(2).)
func Map(file *os.File, offset, length int64, access Access) (*Segment, error) {
	err := possible(length, access)
	if err == nil && (offset < 0 || offset > offset+length) {
		err = unix.EINVAL
	}
	if err != nil {
		return nil, failed("mmap", file.Name(), err)
	}
	own, err := duplicate(file)
	if err != nil {
		return nil, err
	}
	if err := provide(own, offset, length, access, true); err != nil {
		_ = own.Close()
		return nil, err
	}
	return mapped(own, own.Name(), KindFile, offset, length, access)
}

// openWhole opens a file and maps all of it.
func openWhole(path string, kind Kind, access Access) (*Segment, error) {
	if err := possible(1, access); err != nil {
		return nil, failed("open", path, err)
	}
	file, err := open(path, kind, access)
	if err != nil {
		return nil, err
	}
	size, err := regular(file)
	if err == nil && size == 0 {
		err = failed("open", path, &SizeError{Want: 1})
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return mapped(file, path, kind, 0, size, access)
}

// openAtLeast opens a file to write and maps all of it, of which so many bytes
// must be there: a plain file grows to them.
func openAtLeast(path string, kind Kind, least int64) (*Segment, error) {
	file, err := open(path, kind, ReadWrite)
	if err != nil {
		return nil, err
	}
	size := int64(0)
	err = provide(file, 0, least, ReadWrite, kind == KindFile)
	if err == nil {
		size, err = regular(file)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return mapped(file, path, kind, 0, max(size, least), ReadWrite)
}

// provide makes sure that a file has the bytes, allocated if they are to be
// written. Where it ends before, it has to grow, if it may.
func provide(file *os.File, offset, length int64, access Access, grow bool) error {
	size, err := regular(file)
	if err != nil {
		return err
	}
	if end := offset + length; size < end && (!grow || access == ReadOnly) {
		return failed("open", file.Name(), &SizeError{Size: size, Want: end})
	}
	if access == ReadOnly {
		return nil
	}
	return allocate(file, offset, length)
}

// open neither waits for a FIFO's other end, nor makes a terminal ours.
func open(path string, kind Kind, access Access) (*os.File, error) {
	flags := unix.O_NONBLOCK | unix.O_NOCTTY
	if kind == KindPOSIX {
		flags |= unix.O_NOFOLLOW
	}
	if access == ReadWrite {
		flags |= os.O_RDWR
	}
	file, err := os.OpenFile(path, flags, 0)
	if err != nil {
		if info, absent := os.Stat(path); absent == nil && !info.Mode().IsRegular() {
			err = failed("open", path, ErrNotRegular)
		}
		return nil, err
	}
	return file, nil
}

// regular is the size of a file that can be mapped.
func regular(file *os.File) (int64, error) {
	info, err := file.Stat()
	switch {
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, failed("open", file.Name(), ErrNotRegular)
	case int64(int(info.Size())) != info.Size():
		return 0, failed("open", file.Name(), unix.EOVERFLOW)
	}
	return info.Size(), nil
}

// duplicate is a descriptor of our own for the same open file.
func duplicate(file *os.File) (own *os.File, err error) {
	err = sys.Control(file, func(fd int) error {
		again, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			own = os.NewFile(uintptr(again), file.Name())
		}
		return err
	})
	if err != nil {
		return nil, failed("dup", file.Name(), err)
	}
	return own, nil
}
