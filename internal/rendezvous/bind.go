package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// bind makes the socket, at no moment with more rights than access has: what the group
// and others may comes last, where the file is to be another's. To listen after that would not
// be enough: connect(2) looks at the rights first, and whether somebody listens then.
func bind(ctx context.Context, network, path string, access Access) (*Socket, error) {
	listener, err := listenWith(ctx, network, path, access.first())
	if err != nil {
		return nil, err
	}
	socket := &Socket{UnixListener: listener, path: path}
	socket.SetUnlinkOnClose(false)
	if socket.info, err = os.Lstat(path); err != nil { // somebody has removed it already
		_ = socket.UnixListener.Close()
		return nil, err
	}
	if err = access.dress(path, socket.info); err != nil {
		_ = socket.Close()
		return nil, err
	}
	return socket, nil
}

// listenWith makes the file with a mode, less the umask, from its first moment: the
// kernel takes it from the descriptor's.
func listenWith(ctx context.Context, network, path string, mode fs.FileMode) (*net.UnixListener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), uint32(mode)) }), err)
	}}
	listener, err := config.Listen(ctx, network, path)
	if err != nil {
		return nil, err
	}
	return listener.(*net.UnixListener), nil
}

// first is the mode of the new file, before it has its owner and group.
func (a Access) first() fs.FileMode {
	if a.Owner >= 0 || a.Group >= 0 {
		return a.Mode & 0o700
	}
	return a.Mode
}

// dress gives the new file what it lacks: owner, group, and the rights that follow or that
// the umask took. Where others can write the directory, something else may be at the path by
// now, which root would give away: so the file is held, and has to be the one that we made.
func (a Access) dress(path string, info fs.FileInfo) error {
	if info.Mode().Perm() == a.Mode && a.Owner < 0 && a.Group < 0 {
		return nil
	}
	file, err := os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	held, err := file.Stat()
	if err == nil && (!os.SameFile(held, info) || !madeByUs(held)) {
		err = failed("listen", path, fmt.Errorf("%w: another file has taken its place", unix.EADDRINUSE))
	}
	if err == nil {
		err = failed("chown", path, unix.Fchownat(int(file.Fd()), "", a.Owner, a.Group, unix.AT_EMPTY_PATH))
	}
	if err == nil {
		err = failed("chmod", path, unix.Chmod("/proc/self/fd/"+strconv.Itoa(int(file.Fd())), uint32(a.Mode)))
	}
	return err
}

func madeByUs(info fs.FileInfo) bool {
	return info.Mode().Type() == fs.ModeSocket && int(info.Sys().(*syscall.Stat_t).Uid) == os.Geteuid()
}

func failed(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}
