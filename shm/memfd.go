package shm

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// WriterSeals are those under which a segment keeps its size and its pages, and
// nobody but who has mapped it already can write it (fcntl(2), F_ADD_SEALS).
// Without F_SEAL_FUTURE_WRITE a peer could punch holes in it.
const WriterSeals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_FUTURE_WRITE

// ErrUnsealed is memory from a peer that the peer could still take away.
var ErrUnsealed = errors.New("not memory that can be relied on")

// CreateMemfd makes anonymous memory of the size in bytes, as Memfd does, and
// maps it for reading and writing. Pass its File to the peers that are to have
// it, after Seal.
func CreateMemfd(name string, size int64) (*Segment, error) {
	if err := possible(size, ReadWrite); err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file, err := Memfd(name, size)
	if err != nil {
		return nil, err
	}
	return mapped(file, "", KindMemfd, 0, size, ReadWrite)
}

// OpenMemfd maps memory that a peer has passed, after Verify: it has exactly
// the size, and at least the seals. With WriterSeals it can only be opened to
// read (EPERM), and touching a View of it can never fault. The file stays the
// caller's, who may close it.
func OpenMemfd(file *os.File, size int64, seals int, access Access) (*Segment, error) {
	if err := possible(size, access); err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	own, err := duplicate(file)
	if err != nil {
		return nil, err
	}
	if err := Verify(own, size, seals); err != nil {
		_ = own.Close()
		return nil, err
	}
	return mapped(own, "", KindMemfd, 0, size, access)
}

// Seal adds seals to a memfd, for ever (fcntl(2)): EINVAL for other kinds,
// EPERM after F_SEAL_SEAL, EBUSY for F_SEAL_WRITE while anybody has it mapped
// to write.
func (s *Segment) Seal(seals int) error {
	if !s.gate.enter() {
		return s.failed("fcntl", os.ErrClosed)
	}
	defer s.gate.leave()
	if s.kind != KindMemfd {
		return s.failed("fcntl", unix.EINVAL)
	}
	return Seal(s.file, seals)
}

// Memfd makes anonymous memory of the size in bytes, allocated in full: what
// the machine does not have is an error here (ENOSPC, ENOMEM), not a SIGBUS
// later. It can be sealed, not executed, and is gone with its last descriptor
// and mapping. The name is for people, in /proc/PID/maps.
func Memfd(name string, size int64) (*os.File, error) {
	if err := enough(size); err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	fd, err := memfd(name)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "memfd:"+name)
	if err := fallocate(fd, 0, size); err != nil {
		err = fileLimit(err, file)
		_ = file.Close()
		return nil, os.NewSyscallError("fallocate", err)
	}
	return file, nil
}

// memfd asks for memory that cannot be made executable; kernels before 6.3 do
// not know that.
func memfd(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	return fd, err
}

// Seal adds seals, for ever.
func Seal(file *os.File, seals int) error {
	err := sys.Control(file, func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
		return err
	})
	return os.NewSyscallError("fcntl", err)
}

// Verify makes sure that a descriptor from a peer is memory of exactly the
// size, with at least the seals, allocated in full: touching it cannot fault.
// The errors match ErrUnsealed, or are the kernel's where there is no memory.
func Verify(file *os.File, size int64, seals int) error {
	err := sys.Control(file, func(fd int) error {
		if err := sealed(fd, size, seals); err != nil {
			return fmt.Errorf("%w: %w", ErrUnsealed, err)
		}
		// The blocks may lie elsewhere. Holes would be filled as we read, and a fault
		// that finds no memory is a SIGBUS. Nobody can make new ones under the seals.
		return os.NewSyscallError("fallocate", fallocate(fd, 0, size))
	})
	if errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrUnsealed, err)
	}
	return err
}

func sealed(fd int, size int64, seals int) error {
	var stat unix.Stat_t
	var system unix.Statfs_t
	has, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err == nil {
		err = errors.Join(unix.Fstat(fd, &stat), unix.Fstatfs(fd, &system))
	}
	switch {
	case err != nil:
		return err
	case system.Type != unix.TMPFS_MAGIC:
		return fmt.Errorf("of file system %#x (huge pages?)", system.Type)
	case has&seals != seals:
		return fmt.Errorf("seals %#x, want %#x", has, seals)
	case stat.Size != size:
		return fmt.Errorf("%d bytes, want %d", stat.Size, size)
	case stat.Blocks*512 < size:
		return fmt.Errorf("%d of %d bytes allocated", stat.Blocks*512, size)
	}
	return nil
}
