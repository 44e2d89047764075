package shm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// create makes a file that appears under its path only when it is whole, where
// the file system knows files without a name (O_TMPFILE): then nobody sees half
// of it, and nothing is left behind by a maker that failed or was killed.
func create(path string, kind Kind, size int64, mode fs.FileMode) (*Segment, error) {
	if err := possible(size, ReadWrite); err != nil {
		return nil, failed("open", path, err)
	}
	if _, err := os.Lstat(path); err == nil { // sooner than allocating in vain
		return nil, failed("open", path, unix.EEXIST)
	}
	file, err := createUnnamed(path, size, mode)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) {
		file, err = createNamed(path, size, mode)
	}
	if err != nil {
		return nil, err
	}
	s, err := mapped(seenAs(path, kind, file), path, kind, 0, size, ReadWrite)
	if err != nil {
		_ = unix.Unlink(path)
	}
	return s, err
}

func createUnnamed(path string, size int64, mode fs.FileMode) (*os.File, error) {
	file, err := openNew(filepath.Dir(path), path, unix.O_TMPFILE)
	if err != nil {
		return nil, err
	}
	err = fill(file, size, mode)
	if err == nil {
		err = link(file, path)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// createNamed is for file systems without O_TMPFILE: NFS, FUSE.
func createNamed(path string, size int64, mode fs.FileMode) (*os.File, error) {
	file, err := openNew(path, path, unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return nil, err
	}
	if err := fill(file, size, mode); err != nil {
		_ = unix.Unlink(path)
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func openNew(path, name string, flags int) (file *os.File, err error) {
	err = sys.Again(func() error {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|flags, 0o600)
		if err == nil {
			file = os.NewFile(uintptr(fd), name)
		}
		return err
	})
	return file, failed("open", name, err)
}

// fill gives a new file its size and its mode.
func fill(file *os.File, size int64, mode fs.FileMode) error {
	if err := allocate(file, 0, size); err != nil {
		return err
	}
	return file.Chmod(mode.Perm())
}

// link gives a file without a name its name, which must be new.
func link(file *os.File, path string) error {
	err := sys.Control(file, func(fd int) error {
		unnamed := "/proc/self/fd/" + strconv.Itoa(fd)
		return unix.Linkat(unix.AT_FDCWD, unnamed, unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	})
	return failed("link", path, err)
}

// seenAs is the file opened again by its path, by which /proc and lsof(8) then
// show who has it; a file that was made without a name is "(deleted)" there for
// ever. So it stays where its mode does not let even us in.
func seenAs(path string, kind Kind, file *os.File) *os.File {
	again, err := open(path, kind, ReadWrite)
	if err != nil {
		return file
	}
	made, err1 := file.Stat()
	found, err2 := again.Stat()
	if err := errors.Join(err1, err2); err != nil || !os.SameFile(made, found) { // removed already
		_ = again.Close()
		return file
	}
	_ = file.Close()
	return again
}

// openOrCreate opens without O_CREAT first: with it, another user's file in a
// sticky directory is refused (fs.protected_regular).
func openOrCreate(path string, kind Kind, size int64, mode fs.FileMode) (s *Segment, created bool, err error) {
	if err := possible(size, ReadWrite); err != nil {
		return nil, false, failed("open", path, err)
	}
	for range attempts {
		s, err = openAtLeast(path, kind, size)
		if !errors.Is(err, unix.ENOENT) {
			return s, false, err
		}
		s, err = create(path, kind, size, mode)
		if !errors.Is(err, unix.EEXIST) {
			return s, err == nil, err
		}
	}
	return nil, false, err
}

// attempts bounds how often a name may be made and removed under us.
const attempts = 100

// Remove takes the segment's name or key away; who has the segment keeps it.
// The error is ENOENT where the name is gone, or leads to another file by now,
// or where there never was one; EPERM, EACCES where it is not ours to remove.
func (s *Segment) Remove() error {
	if !s.gate.enter() {
		return s.failed("remove", os.ErrClosed)
	}
	defer s.gate.leave()
	if s.kind == KindSysV {
		return s.id.Remove()
	}
	if s.name == "" {
		return s.failed("unlink", unix.ENOENT)
	}
	ours, err := s.file.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Lstat(s.name); err != nil || !os.SameFile(ours, now) {
		return s.failed("unlink", unix.ENOENT)
	}
	return unlink(s.name)
}

func unlink(path string) error { return failed("unlink", path, unix.Unlink(path)) }
