package object

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/rendezvous"
)

// A place is where an object is that has a path: the name itself where it begins
// with a slash, else NAME.scheme in kith's directory.
type place struct {
	scheme string
	path   string
	ours   bool // in kith's directory
}

func placeOf(a *driver.Address) (place, error) {
	if !strings.HasPrefix(a.Name, "/") {
		path, err := rendezvous.Path(*a)
		return place{a.Scheme, path, true}, err
	}
	last := a.Name[strings.LastIndexByte(a.Name, '/')+1:]
	if last == "" || last == "." || last == ".." {
		return place{}, fmt.Errorf("%w: %q names a directory", driver.ErrAddress, a.Name)
	}
	if len(a.Name) >= unix.PathMax || len(last) > unix.NAME_MAX {
		return place{}, fmt.Errorf("%w: a path of %d bytes, a name of %d: at most %d and %d", driver.ErrAddress, len(a.Name), len(last), unix.PathMax-1, unix.NAME_MAX)
	}
	return place{a.Scheme, a.Name, false}, nil
}

func (p place) Address() string { return driver.Address{Scheme: p.scheme, Name: p.path}.String() }

// make makes kith's directory first, if that is where the place is.
func (p place) make(ctx context.Context, create func() error) error {
	if !p.ours {
		return create()
	}
	unlock, err := rendezvous.LockDirectory(ctx, p.path)
	if err != nil {
		return err
	}
	defer unlock()
	return create()
}

// remove removes the name, if it is one of such a file: `kith rm` of one kind is
// not to remove another.
func (p place) remove(kind fs.FileMode, other error) error {
	info, err := os.Lstat(p.path)
	if err == nil && info.Mode().Type() != kind {
		err = &os.PathError{Op: "unlink", Path: p.path, Err: other}
	}
	if err != nil {
		return err
	}
	if err := unix.Unlink(p.path); err != nil {
		return &os.PathError{Op: "unlink", Path: p.path, Err: err}
	}
	return nil
}

// stat is what all files have: those behind objects of other kinds, too.
func stat(address, path string, kind fs.FileMode, other error) (Stat, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Type() != kind {
		err = &os.PathError{Op: "stat", Path: path, Err: other}
	}
	if err != nil {
		return nil, err
	}
	raw := info.Sys().(*syscall.Stat_t)
	s := append(Stat{{"address", address}, {"path", path}}, owned(raw.Uid, raw.Gid, info.Mode())...)
	if kind.IsRegular() {
		s = s.with("size", info.Size()).with("allocated", raw.Blocks*blockSize)
	}
	return s.with("modified", info.ModTime()).with("changed", time.Unix(raw.Ctim.Unix())), nil
}

// blockSize is the unit of st_blocks, in bytes.
const blockSize = 512

var errNotRegular = errors.New("not a regular file")

// setMode sets a mode that the umask took from. The file has just been made: if
// another has its name by now, it is not followed to elsewhere.
func setMode(path string, mode fs.FileMode) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return os.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}
