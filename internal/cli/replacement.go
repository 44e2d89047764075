package cli

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// A replacement is a file that has no name until it is complete, so that a
// process killed in the middle leaves nothing; where the file system has no
// such files, it has a temporary name.
type replacement struct {
	target    string
	temporary string // in the target's directory; empty: no name yet
}

// newReplacement makes the file that will replace name, which is followed
// where it is a symbolic link. It takes the mode and owner of the old file,
// if there is one, else what any new file gets.
func newReplacement(name string, old fs.FileInfo) (*os.File, *replacement, error) {
	target, err := followLinks(name)
	if err != nil {
		return nil, nil, err
	}
	if old != nil && unix.Faccessat(unix.AT_FDCWD, target, unix.W_OK, unix.AT_EACCESS) != nil {
		return nil, nil, &fs.PathError{Op: "write", Path: target, Err: syscall.EACCES}
	}
	r := &replacement{target: target}
	file, err := r.createUnnamed()
	if err != nil {
		file, err = r.createNamed()
	}
	if err == nil && old != nil {
		err = imitate(file, old)
	}
	return file, r, err
}

// followLinks is what a chain of symbolic links points to, be it there or not.
func followLinks(name string) (string, error) {
	const most = 40 // the kernel's own limit
	for range most {
		link, err := os.Readlink(name)
		if err != nil {
			return name, nil
		}
		if !filepath.IsAbs(link) {
			directory, _ := filepath.Split(name) // Join would clean, and so misread x/.. where x is a link
			link = directory + link
		}
		name = link
	}
	return "", &fs.PathError{Op: "follow", Path: name, Err: syscall.ELOOP}
}

// directory is the target's; the files are made there because a rename works
// within one file system only.
func (r *replacement) directory() string {
	if directory, _ := filepath.Split(r.target); directory != "" {
		return directory
	}
	return "."
}

// createUnnamed fails where the file could not be given a name later.
func (r *replacement) createUnnamed() (*os.File, error) {
	file, err := os.OpenFile(r.directory(), os.O_WRONLY|unix.O_TMPFILE, 0o666)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(descriptorPath(file)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (r *replacement) createNamed() (*os.File, error) {
	name := r.temporaryName()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		r.temporary = name
	}
	return file, err
}

func (r *replacement) temporaryName() string {
	return filepath.Join(r.directory(), ".kith-"+strconv.FormatUint(rand.Uint64(), 36))
}

// imitate gives the file the mode of the old one, and its owner where we may.
func imitate(file *os.File, old fs.FileInfo) error {
	stat := old.Sys().(*syscall.Stat_t)
	_ = file.Chown(int(stat.Uid), int(stat.Gid)) // only root may give a file away
	return file.Chmod(old.Mode().Perm())
}

// publish puts the complete file in place. Linux cannot link over a file that
// exists, so replacing one takes a temporary name, for an instant.
func (r *replacement) publish(file *os.File) error {
	if r.temporary == "" {
		err := link(file, r.target)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		name := r.temporaryName()
		if err := link(file, name); err != nil {
			return err
		}
		r.temporary = name
	}
	err := os.Rename(r.temporary, r.target)
	if err == nil {
		r.temporary = ""
	}
	return err
}

// discard removes the temporary name, if there is one.
func (r *replacement) discard() {
	if r.temporary != "" {
		_ = os.Remove(r.temporary)
	}
}

// link gives a name to a file that has none.
func link(file *os.File, name string) error {
	return unix.Linkat(unix.AT_FDCWD, descriptorPath(file), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
}

func descriptorPath(file *os.File) string {
	return "/proc/self/fd/" + strconv.Itoa(int(file.Fd()))
}
