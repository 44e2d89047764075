// Package shm is memory that processes share: so far anonymous memory behind a
// descriptor, with seals (memfd_create(2)).
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

// Memfd makes anonymous memory of the size in bytes, allocated in full: what
// the machine does not have is an error here (ENOSPC, ENOMEM), not a SIGBUS
// later. It can be sealed, not executed, and is gone with its last descriptor
// and mapping. The name is for people, in /proc/PID/maps.
func Memfd(name string, size int64) (*os.File, error) {
	if size >= large && size > sys.AvailableMemory() {
		return nil, os.NewSyscallError("memfd_create", unix.ENOMEM)
	}
	fd, err := create(name)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "memfd:"+name)
	err = sys.Again(func() error { return unix.Fallocate(fd, 0, 0, size) })
	if err != nil {
		_ = file.Close()
		return nil, os.NewSyscallError("fallocate", err)
	}
	return file, nil
}

// large is the size in bytes from which Memfd asks how much memory there is. A
// memfd has no limit of its own: the kernel would not say no, but kill.
const large = 1 << 20

// create asks for memory that cannot be made executable; kernels before 6.3 do
// not know that.
func create(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	return fd, err
}

// Seal adds seals, for ever.
func Seal(file *os.File, seals int) error {
	_, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, seals)
	return os.NewSyscallError("fcntl", err)
}

// Verify makes sure that a descriptor from a peer is memory of exactly the size,
// with at least the seals, allocated in full: touching it cannot fault. The errors
// match ErrUnsealed, or are the kernel's where there is no memory.
func Verify(file *os.File, size int64, seals int) error {
	fd := int(file.Fd())
	var stat unix.Stat_t
	var system unix.Statfs_t
	has, err := unix.FcntlInt(file.Fd(), unix.F_GET_SEALS, 0)
	if err == nil {
		err = errors.Join(unix.Fstat(fd, &stat), unix.Fstatfs(fd, &system))
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnsealed, err)
	case system.Type != unix.TMPFS_MAGIC:
		return fmt.Errorf("%w: of file system %#x (huge pages?)", ErrUnsealed, system.Type)
	case has&seals != seals:
		return fmt.Errorf("%w: seals %#x, want %#x", ErrUnsealed, has, seals)
	case stat.Size != size:
		return fmt.Errorf("%w: %d bytes, want %d", ErrUnsealed, stat.Size, size)
	case stat.Blocks*512 < size:
		return fmt.Errorf("%w: %d of %d bytes allocated", ErrUnsealed, stat.Blocks*512, size)
	}
	// The blocks may lie elsewhere. Holes would be filled as we read, and a fault that finds no memory is a
	// SIGBUS. Nobody can make new ones under the seals.
	err = sys.Again(func() error { return unix.Fallocate(fd, 0, 0, size) })
	return os.NewSyscallError("fallocate", err)
}
