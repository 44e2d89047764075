package sock

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A name is a path that we made.
type name struct {
	path string
	info fs.FileInfo // of our own inode: nobody else's is ever removed
}

// Bind gives the socket a name (bind(2)), by which others send or connect to it.
// That of a path is a file with the mode, less the umask: who may write to it may
// connect or send, if he may search its directories. An abstract name has no mode,
// and perm must be 0. So it must for the name "", which lets the kernel choose an
// abstract one of 5 hexadecimal digits (autobind); Local tells it.
//
// A path is never replaced, not even that of a socket whose process has died
// (EADDRINUSE). Close removes it.
//
// A path of more than 108 bytes is made by way of /proc and its directory, if there
// are no more than some 85 in its last part. Such a name is no address to answer to
// for those who receive our datagrams.
//
// Errors: EADDRINUSE; EINVAL where the socket has a name already, and for a mode
// where there can be none, or a NUL in a path; ENAMETOOLONG; EACCES, ENOENT, ENOTDIR,
// ELOOP, EROFS for the directory; os.ErrClosed.
func (s *Socket) Bind(addr Addr, perm fs.FileMode) error {
	if !addr.isPath() && perm != 0 {
		return failed("bind", addr, unix.EINVAL)
	}
	name, release, err := addr.resolveNew()
	if err == nil {
		defer release()
		err = sys.Control(s, func(fd int) error {
			if addr.isPath() {
				return bindPath(fd, &name, perm)
			}
			return sys.BindUnix(fd, &name)
		})
	}
	if err == nil && addr.isPath() {
		s.own(string(addr))
	}
	return failed("bind", addr, err)
}

// bindPath makes the file with its mode from the first moment: the kernel takes it
// from the descriptor's inode.
func bindPath(fd int, name *sys.UnixName, perm fs.FileMode) error {
	if err := unix.Fchmod(fd, uint32(perm.Perm())); err != nil {
		return err
	}
	return sys.BindUnix(fd, name)
}

// resolveNew is resolve for a path where nothing is yet.
func (a Addr) resolveNew() (sys.UnixName, func(), error) {
	if len(a) <= sys.UnixNameMax || !a.isPath() {
		return a.resolve()
	}
	directory, base := filepath.Split(string(a))
	if directory == "" {
		directory = "."
	}
	return proxy(directory, unix.O_PATH|unix.O_DIRECTORY, "/"+base)
}

// own notes what Close is to remove, wherever the process has gone by then.
func (s *Socket) own(path string) {
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return
		}
		path = here + "/" + path // filepath.Abs would follow .. before links
	}
	info, err := os.Lstat(path)
	if err != nil {
		return // somebody has removed it already
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound = &name{path, info}
}

// unlink removes the name before the socket is closed: nobody takes it for a dead
// one's meanwhile.
func (s *Socket) unlink() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound == nil {
		return
	}
	if now, err := os.Lstat(s.bound.path); err == nil && os.SameFile(now, s.bound.info) {
		_ = os.Remove(s.bound.path)
	}
	s.bound = nil
}
