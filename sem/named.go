package sem

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// directory is where glibc keeps named semaphores, each a file "sem.NAME".
const directory = "/dev/shm"

// Path is the file of the semaphore with the name, for os.Stat, os.Chmod and
// os.Chown. A name is 1 to 251 bytes without a slash, but that it may begin with
// one, and portable ones do: else the error is EINVAL, or ENAMETOOLONG.
func Path(name string) (string, error) {
	base := strings.TrimPrefix(name, "/")
	switch {
	case base == "" || strings.ContainsAny(base, "/\x00"):
		return "", &os.PathError{Op: "sem_open", Path: name, Err: unix.EINVAL}
	case len("sem."+base) > unix.NAME_MAX:
		return "", &os.PathError{Op: "sem_open", Path: name, Err: unix.ENAMETOOLONG}
	}
	return directory + "/sem." + base, nil
}

// Create makes a named semaphore (sem_open(3) with O_CREAT|O_EXCL). It belongs to
// the effective user of this process and has exactly the mode, whatever the umask:
// who is to use it needs to read and to write. It appears with its value, or not
// at all. It lives until Unlink, or the end of the machine.
//
// Errors, in a *os.PathError with the file: EEXIST; EINVAL for a value below 0 or
// above MaxValue, and for a name that is none (see Path); ENAMETOOLONG; EACCES;
// EMFILE, ENFILE, ENOMEM, ENOSPC; errors.ErrUnsupported on machines of 32 bits,
// where glibc has another layout.
func Create(name string, value int, mode fs.FileMode) (*Semaphore, error) {
	return named(name, func(path string) (*Semaphore, error) {
		start, err := image(value)
		if err != nil {
			return nil, err
		}
		fd, from, err := newFile()
		if err != nil {
			return nil, err
		}
		defer unix.Close(fd)
		defer func() { _ = unix.Unlink(from) }() // if it is a name
		if err := errors.Join(unix.Fchmod(fd, uint32(mode.Perm())), write(fd, start)); err != nil {
			return nil, err
		}
		s, err := mapped(fd)
		if err != nil {
			return nil, err
		}
		return s, unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	})
}

// newFile opens a file, and tells from where it can be linked: one without a name,
// so that however this ends, nothing is left behind; or, where the file system
// knows none, one with a name that is to be removed, as glibc does.
func newFile() (fd int, from string, err error) {
	fd, err = unix.Open(directory, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) {
		return temporary()
	}
	return fd, fmt.Sprintf("/proc/self/fd/%d", fd), err
}

// temporary opens a file with a name that nobody can have foreseen.
func temporary() (fd int, path string, err error) {
	path = directory + "/sem." + rand.Text()
	fd, err = unix.Open(path, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	return fd, path, err
}

// Open opens a named semaphore (sem_open(3)). Any user may have taken the name
// first: os.Stat of its Path tells whose it is.
//
// Errors, in a *os.PathError with the file: ENOENT; EACCES; ErrNotSemaphore for a
// file that is none, and ELOOP, EISDIR, ENXIO for what is no file; EINVAL and
// ENAMETOOLONG for the name; EMFILE, ENFILE, ENOMEM; ErrGone if it is truncated at
// this moment; errors.ErrUnsupported on machines of 32 bits.
func Open(name string) (*Semaphore, error) {
	return named(name, func(path string) (*Semaphore, error) {
		// O_NONBLOCK is for a file on which somebody has a lease.
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		defer unix.Close(fd)
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err != nil {
			return nil, err
		}
		if stat.Mode&unix.S_IFMT != unix.S_IFREG || stat.Size < Size {
			return nil, ErrNotSemaphore
		}
		s, err := mapped(fd)
		if err != nil {
			return nil, err
		}
		return s, s.verify()
	})
}

// OpenOrCreate opens the semaphore with the name, or makes it with the value and
// the mode if there is none (sem_open(3) with O_CREAT).
func OpenOrCreate(name string, value int, mode fs.FileMode) (s *Semaphore, err error) {
	for range attempts {
		s, err = Open(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return s, err
		}
		s, err = Create(name, value, mode)
		if !errors.Is(err, fs.ErrExist) {
			return s, err
		}
	}
	return nil, err
}

// attempts bounds how often a name may be made and removed under us.
const attempts = 100

// Unlink removes a semaphore's name (sem_unlink(3)). Whoever has it open goes on
// with it; a new one of the same name is another. Errors, in a *os.PathError with
// the file: ENOENT; EACCES, as it may be removed by its owner and root alone;
// EINVAL and ENAMETOOLONG for the name.
func Unlink(name string) error {
	path, err := Path(name)
	if err != nil {
		return err
	}
	err = unix.Unlink(path)
	if errors.Is(err, unix.EPERM) {
		err = unix.EACCES // another's, in a directory with the sticky bit
	}
	if err != nil {
		return &os.PathError{Op: "sem_unlink", Path: path, Err: err}
	}
	return nil
}

// named gives a semaphore its name, and an error too.
func named(name string, open func(path string) (*Semaphore, error)) (*Semaphore, error) {
	path, err := Path(name)
	if err != nil {
		return nil, err
	}
	s, err := open(path)
	if err != nil {
		return nil, &os.PathError{Op: "sem_open", Path: path, Err: err}
	}
	s.path = path
	return s, nil
}

// mapped is the semaphore in an open file. Its memory is unmapped when it is
// garbage: not at Close, when calls may be under way.
func mapped(fd int) (*Semaphore, error) {
	memory, err := unix.Mmap(fd, 0, Size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	s, err := in(memory)
	if err != nil {
		return nil, errors.Join(err, unix.Munmap(memory))
	}
	runtime.AddCleanup(s, func(memory []byte) { _ = unix.Munmap(memory) }, memory)
	if opened.Add(1)%collectEvery == 0 {
		runtime.GC()
	}
	return s, nil
}

// The collector sees little of a mapping, and a process may have 65,530
// (vm.max_map_count), without which Go's runtime ends it.
const collectEvery = 4096

var opened atomic.Int64

// write writes all of it, so that the file has its memory.
func write(fd int, bytes []byte) error {
	n, err := unix.Pwrite(fd, bytes, 0)
	if err == nil && n < len(bytes) {
		err = unix.ENOSPC
	}
	return err
}
