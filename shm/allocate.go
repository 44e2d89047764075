package shm

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// allocate makes sure that there is memory or disk behind bytes of a file,
// which grows if it ends before them (fallocate(2)).
func allocate(file *os.File, offset, length int64) error {
	err := sys.Control(file, func(fd int) error {
		if err := affordable(fd, length); err != nil {
			return err
		}
		return fallocate(fd, offset, length)
	})
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = writeZeros(file, offset+length)
	}
	if errors.Is(err, unix.EBADF) { // not open to write: as mmap(2) has it
		err = unix.EACCES
	}
	return failed("fallocate", file.Name(), fileLimit(err, file))
}

// fallocate is fallocate(2), by ever smaller pieces while signals interrupt it:
// on a tmpfs before Linux 6.18, an interrupted call gives up what it had got, and
// a process that is profiled would never have much.
func fallocate(fd int, offset, length int64) error {
	return byPieces(offset, length, func(offset, length int64) error { return unix.Fallocate(fd, 0, offset, length) })
}

func byPieces(offset, length int64, do func(offset, length int64) error) error {
	for piece := length; ; {
		err := do(offset, min(piece, length))
		switch {
		case errors.Is(err, unix.EINTR):
			piece = max(piece/2, least)
		case err != nil || piece >= length:
			return err
		default:
			offset, length = offset+piece, length-piece
		}
	}
}

// least is the smallest piece in bytes, which takes a tmpfs some microseconds.
const least = 64 << 10

// affordable asks before memory is taken, of a file system that is in memory:
// the kernel would go on until it kills.
func affordable(fd int, length int64) error {
	var system unix.Statfs_t
	var stat unix.Stat_t
	if err := errors.Join(unix.Fstatfs(fd, &system), unix.Fstat(fd, &stat)); err != nil {
		return err
	}
	if kind := wide(system.Type); kind != unix.TMPFS_MAGIC && uint32(kind) != unix.RAMFS_MAGIC {
		return nil
	}
	return enough(length - stat.Blocks*512)
}

// writeZeros lengthens a file where the file system cannot allocate, as glibc's
// posix_fallocate does. Holes that were there stay.
func writeZeros(file *os.File, end int64) error {
	zeros := make([]byte, 64<<10)
	info, err := file.Stat()
	if err != nil {
		return err
	}
	for at := info.Size(); at < end; {
		n, err := file.WriteAt(zeros[:min(end-at, int64(len(zeros)))], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}
