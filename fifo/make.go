package fifo

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrNotFIFO is a file of another kind where a FIFO, or a pipe, was asked for.
var ErrNotFIFO = errors.New("not a FIFO")

// Make makes a FIFO with the given permissions, less the umask (mkfifo(3)). There
// it stays until it is removed; what is in it goes with the last process that has
// it open.
//
// Errors: EEXIST where anything has the name, a symbolic link that leads nowhere
// too; EACCES, EDQUOT, ELOOP, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR, EPERM, EROFS;
// EINVAL for a path with a zero byte.
func Make(path string, perm fs.FileMode) error {
	err := sys.Again(func() error { return unix.Mkfifo(path, uint32(perm.Perm())) })
	return failed("mkfifo", path, err)
}

// Remove removes the name, if it is a FIFO's: ErrNotFIFO. A symbolic link is not
// followed, and not removed. Who has the FIFO open goes on with it. Who waits for the
// other side in Open or Next gets ErrReplaced, and who is blocked in open(2), as
// another program may be, waits on for ever: nobody can come any more.
//
// The kernel cannot remove a name on condition of what it names. So Remove looks
// first: a file of another kind (but no directory) that gets the name between the
// look and the removal is removed. Where others can write to the directory, do not
// trust in it.
//
// Errors: EACCES, EBUSY, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM
// (another's, in a sticky directory), EROFS; EINVAL for a path with a zero byte.
func Remove(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return failed("unlink", path, cause(err))
	}
	if !isFIFO(info) {
		return failed("unlink", path, ErrNotFIFO)
	}
	return failed("unlink", path, sys.Again(func() error { return unix.Unlink(path) }))
}

func isFIFO(info fs.FileInfo) bool { return info.Mode().Type() == fs.ModeNamedPipe }

// failed wraps an error, if it is one.
func failed(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}

// cause is what package os has wrapped.
func cause(err error) error {
	if wrapped, is := errors.AsType[*os.PathError](err); is {
		return wrapped.Err
	}
	return err
}
