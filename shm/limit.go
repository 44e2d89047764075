package shm

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// createLimit tells which limit shmget(2) has met, where it was one.
func createLimit(err error, size int64, huge int) error {
	most := sys.Setting("/proc/sys/kernel/shmmax", 0)
	switch {
	case size <= 0:
		return &ipc.LimitError{Limit: "SHMMIN", Max: 1, Raise: "at least one byte", Err: unix.EINVAL}
	case errors.Is(err, unix.EINVAL) && size > most:
		return &ipc.LimitError{Limit: "SHMMAX", Max: most, Raise: "/proc/sys/kernel/shmmax", Err: err}
	case errors.Is(err, unix.ENOSPC):
		return segmentsLimit(err)
	case errors.Is(err, unix.ENOMEM) && huge != 0:
		return hugeLimit(err)
	case errors.Is(err, unix.ENOMEM):
		return cmp.Or(enough(size), err)
	}
	return err
}

// segmentsLimit tells too many segments from too many pages.
func segmentsLimit(err error) error {
	most := sys.Setting("/proc/sys/kernel/shmmni", 0)
	table, _ := os.ReadFile("/proc/sysvipc/shm") // a heading, and a line each
	if int64(bytes.Count(table, []byte("\n"))-1) >= most {
		return &ipc.LimitError{Limit: "SHMMNI", Max: most, Raise: "/proc/sys/kernel/shmmni", Err: err}
	}
	pages := sys.Setting("/proc/sys/kernel/shmall", 0)
	return &ipc.LimitError{Limit: "SHMALL", Max: pages, Raise: "/proc/sys/kernel/shmall, in pages", Err: err}
}

func hugeLimit(err error) error {
	const where = "/proc/sys/vm/nr_hugepages"
	return &ipc.LimitError{Limit: "nr_hugepages", Max: sys.Setting(where, 0), Raise: where, Err: err}
}

// mapLimit tells which limit mmap(2) has met.
func mapLimit(err error, length int64, file *os.File) error {
	if !errors.Is(err, unix.ENOMEM) {
		return err
	}
	if isHuge(fileSystem(file)) {
		return hugeLimit(err)
	}
	return addressLimit(err, length)
}

// attachLimit tells which limit shmat(2) has met.
func attachLimit(err error, id ID) error {
	stat, absent := id.Stat()
	if absent != nil || !errors.Is(err, unix.ENOMEM) {
		return err
	}
	return addressLimit(err, stat.Size)
}

func addressLimit(err error, length int64) error {
	most := sys.Resource(unix.RLIMIT_AS)
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _, _ := strings.Cut(string(text), " ")
	used, _ := strconv.ParseInt(pages, 10, 64)
	if most == math.MaxInt64 || used*int64(os.Getpagesize()) <= most-length {
		return err
	}
	return &ipc.LimitError{Limit: "RLIMIT_AS", Max: most, Raise: "setrlimit(2), ulimit -v", Err: err}
}

// lockLimit tells whether SHM_LOCK has met one.
func lockLimit(err error) error {
	most := sys.Resource(unix.RLIMIT_MEMLOCK)
	if errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EPERM) && most == 0 {
		return &ipc.LimitError{Limit: "RLIMIT_MEMLOCK", Max: most, Raise: "setrlimit(2), ulimit -l", Err: err}
	}
	return err
}

// fileLimit tells which limit a file that was to grow has met.
func fileLimit(err error, file *os.File) error {
	switch {
	case (errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.ENOSPC)) && isHuge(fileSystem(file)):
		return hugeLimit(err)
	case errors.Is(err, unix.EFBIG) && sys.Resource(unix.RLIMIT_FSIZE) < math.MaxInt64:
		most := sys.Resource(unix.RLIMIT_FSIZE)
		return &ipc.LimitError{Limit: "RLIMIT_FSIZE", Max: most, Raise: "setrlimit(2), ulimit -f", Err: unix.EFBIG}
	case errors.Is(err, unix.ENOSPC):
		system, mount := fileSystem(file), mountPoint(file.Name())
		size := int64(system.Blocks) * wide(system.Bsize)
		return &ipc.LimitError{Limit: "size of " + mount, Max: size, Raise: "mount(8) -o remount,size= for a tmpfs", Err: unix.ENOSPC}
	}
	return err
}

// enough asks whether there is memory for so many bytes, where the kernel would
// kill rather than say no. Of little it says nothing.
func enough(size int64) error {
	if size < large {
		return nil
	}
	if most := sys.AvailableMemory(); size > most {
		return &ipc.LimitError{Limit: "memory available", Max: most, Raise: "MemAvailable of proc(5), or the cgroup's memory.max", Err: unix.ENOMEM}
	}
	return nil
}

// large is the size in bytes from which it is asked how much memory there is.
const large = 1 << 20

func fileSystem(file *os.File) (system unix.Statfs_t) {
	_ = sys.Control(file, func(fd int) error { return unix.Fstatfs(fd, &system) })
	return system
}

// mountPoint is the highest folder above the path on the same device.
func mountPoint(path string) string {
	var here, above unix.Stat_t
	path, _ = filepath.Abs(path)
	folder := filepath.Dir(path)
	for unix.Stat(folder, &here) == nil && folder != "/" {
		parent := filepath.Dir(folder)
		if unix.Stat(parent, &above) != nil || above.Dev != here.Dev {
			break
		}
		folder = parent
	}
	return folder
}
