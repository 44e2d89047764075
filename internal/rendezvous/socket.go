package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/driver"
)

// A Socket is a listening Unix socket with a name in the file system.
type Socket struct {
	*net.UnixListener
	path string
	info fs.FileInfo // of our own inode: nobody else's is ever removed
}

// Listen makes the socket path, for those whom access lets in, and takes over one whose
// process has died. The whole is done under a lock of its directory, so two
// who find the same dead socket do not both replace it.
func Listen(ctx context.Context, network, path string, access Access) (*Socket, error) {
	if err := access.reachable(filepath.Dir(path)); err != nil {
		return nil, err
	}
	unlock, err := LockDirectory(ctx, path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	socket, err := bind(ctx, network, path, access)
	if errors.Is(err, unix.EADDRINUSE) {
		if err = removeDead(ctx, network, path); err == nil {
			socket, err = bind(ctx, network, path, access)
		}
	}
	return socket, err
}

// removeDead removes what is at path if it is the socket of a process that died:
// one that refuses connections.
func removeDead(ctx context.Context, network, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket { // a link to one neither
		return &os.PathError{Op: "listen", Path: path, Err: fmt.Errorf("%w by a file that is no socket", unix.EADDRINUSE)}
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, path)
	if conn != nil {
		_ = conn.Close()
	}
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		return os.Remove(path)
	case err == nil || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EPROTOTYPE):
		err = fmt.Errorf("%w: a living process listens there", unix.EADDRINUSE)
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = fmt.Errorf("%w: cannot tell whether a living process listens there: %w", unix.EADDRINUSE, err)
	}
	return &os.PathError{Op: "listen", Path: path, Err: err}
}

// isOther reports whether there is something at path that is no socket.
func isOther(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Type() != fs.ModeSocket
}

// Close removes the name, if it is still ours, and then the socket: while we
// hold the socket nobody takes its inode for a dead one's.
func (s *Socket) Close() error {
	s.unlink()
	return s.UnixListener.Close()
}

func (s *Socket) unlink() {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.info) {
		_ = os.Remove(s.path)
	}
}

// Dial connects to the socket path. A listener whose queue is full is waited for.
func Dial(ctx context.Context, network, path string) (*net.UnixConn, error) {
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, network, path)
		switch {
		case err == nil:
			return conn.(*net.UnixConn), nil
		case errors.Is(err, unix.ECONNREFUSED) && isOther(path):
			return nil, &os.PathError{Op: "dial", Path: path, Err: unix.ENOTSOCK} // what connect(2) calls refused
		case errors.Is(err, unix.EACCES):
			return nil, forbidden(path, err)
		case !errors.Is(err, unix.EAGAIN):
			return nil, NotMet(ctx, err)
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// forbidden says what keeps us from connecting, where it can be seen.
func forbidden(path string, err error) error {
	info, unseen := os.Lstat(path)
	if unseen != nil || info.Mode().Type() != fs.ModeSocket {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return fmt.Errorf("%w (mode %04o of uid %d, gid %d: its listener's mode=, owner= and group= say who may connect)",
		err, info.Mode().Perm(), owner.Uid, owner.Gid)
}

// NotMet is why nobody was met: the end of ctx, or that nobody listens, or what
// err says.
func NotMet(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("%w: %w", driver.ErrNoListener, err)
	}
	return err
}
