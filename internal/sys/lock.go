package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FlockNow is flock(2) where it cannot wait: with LOCK_NB or LOCK_UN, on a local
// file system. It holds the scheduler's processor meanwhile, which is cheaper. Package
// unix has the same RawSyscall, by a detour of 3 ns.
func FlockNow(fd, how int) error {
	_, _, errno := syscall.RawSyscall(unix.SYS_FLOCK, uintptr(fd), uintptr(how), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// FcntlLockNow is fcntl(2) with a record lock where it cannot wait: any command
// but F_SETLKW and F_OFD_SETLKW, on a local file system.
func FcntlLockNow(fd, command int, record *unix.Flock_t) error {
	_, _, errno := syscall.RawSyscall(unix.SYS_FCNTL, uintptr(fd), uintptr(command), uintptr(unsafe.Pointer(record)))
	if errno != 0 {
		return errno
	}
	return nil
}

// Local reports whether a file is a regular one or a directory, on a file system of this
// machine's kernel alone: taking or giving up a lock without waiting takes no
// longer there than any other look at memory. A server on a network, or in user
// space (FUSE), may let one wait.
func Local(fd int) bool {
	var file unix.Stat_t
	var system unix.Statfs_t
	if unix.Fstat(fd, &file) != nil || unix.Fstatfs(fd, &system) != nil {
		return false
	}
	if kind := file.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return false
	}
	switch uint32(system.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC,
		unix.OVERLAYFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.RAMFS_MAGIC:
		return true
	}
	return false
}
