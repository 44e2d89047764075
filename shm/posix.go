package shm

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// CreatePOSIX makes a POSIX segment of the size in bytes, filled with zeros,
// for reading and writing (shm_open(3)). The mode is exact, and the name must
// be new (EEXIST). It appears only when it has its size and its mode. It lives
// until UnlinkPOSIX, or until the machine stops.
//
// Names are shm_open's: "/name" or "name", without another slash (EINVAL), 255
// bytes at most (ENAMETOOLONG). The segment is the file /dev/shm/name, and
// errors are *os.PathError with that path: EACCES, ENOENT (of /dev/shm),
// EMFILE, ENFILE, or a LimitError where the file system is full (ENOSPC),
// memory is (ENOMEM), or RLIMIT_FSIZE (EFBIG) or RLIMIT_AS (ENOMEM) is too
// small.
func CreatePOSIX(name string, size int64, mode fs.FileMode) (*Segment, error) {
	path, err := posixPath(name)
	if err != nil {
		return nil, err
	}
	return create(path, KindPOSIX, size, mode)
}

// OpenPOSIX maps a POSIX segment whole, as large as it is now. One that is
// empty, as its maker may leave it for a moment, is a *SizeError; what is no
// regular file is ErrNotRegular. ENOENT and EACCES are as in open(2).
func OpenPOSIX(name string, access Access) (*Segment, error) {
	path, err := posixPath(name)
	if err != nil {
		return nil, err
	}
	return openWhole(path, KindPOSIX, access)
}

// OpenOrCreatePOSIX opens a POSIX segment for reading and writing, or makes it,
// as CreatePOSIX does, and reports which. One that is there must have at least
// the size, else the error holds a *SizeError; so much of it is allocated in
// full.
func OpenOrCreatePOSIX(name string, size int64, mode fs.FileMode) (s *Segment, created bool, err error) {
	path, err := posixPath(name)
	if err != nil {
		return nil, false, err
	}
	return openOrCreate(path, KindPOSIX, size, mode)
}

// UnlinkPOSIX takes the name away (shm_unlink(3)). Who has the segment keeps
// it. The errors are ENOENT, EACCES.
func UnlinkPOSIX(name string) error {
	path, err := posixPath(name)
	if err == nil {
		err = unlink(path)
	}
	if errors.Is(err, unix.EPERM) { // of a sticky directory: as shm_unlink has it
		err = failed("unlink", path, unix.EACCES)
	}
	return err
}

const directory = "/dev/shm/"

// posixPath is where glibc keeps the segment.
func posixPath(name string) (string, error) {
	bare := strings.TrimLeft(name, "/")
	switch {
	case bare == "" || bare == "." || bare == ".." || strings.ContainsAny(bare, "/\x00"):
		return "", &os.PathError{Op: "shm_open", Path: name, Err: unix.EINVAL}
	case len(bare) > unix.NAME_MAX:
		return "", &os.PathError{Op: "shm_open", Path: name, Err: unix.ENAMETOOLONG}
	}
	return directory + bare, nil
}
