// Package rendezvous is how two processes find each other: names and their
// directories, sockets that replace a dead one's, the hello that both sides
// say, and the acceptor that no silent dialer delays.
package rendezvous

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"kith/driver"
)

// maxSocketPath is the longest path that fits a sockaddr_un with its NUL.
const maxSocketPath = 107

// Resolve is a driver.Transport's, for names that are paths.
func Resolve(a driver.Address) (driver.Address, error) {
	path, err := Path(a)
	return a.Named(path), err
}

// Path says where a name is: itself when it starts with /, else NAME.scheme in
// kith's directory. It makes nothing.
func Path(a driver.Address) (string, error) {
	switch {
	case a.Name == "":
		return "", fmt.Errorf("%w: no name: want %s:name or %s:/path", driver.ErrAddress, a.Scheme, a.Scheme)
	case strings.HasPrefix(a.Name, "/"):
		return checkLength(filepath.Clean(a.Name))
	case strings.Contains(a.Name, "/"):
		return "", fmt.Errorf("%w: the name %q is a relative path: start it with / or leave / out", driver.ErrAddress, a.Name)
	}
	directory, err := directory()
	if err != nil {
		return "", err
	}
	return checkLength(filepath.Join(directory, a.Name+"."+a.Scheme))
}

func checkLength(path string) (string, error) {
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("%w: %s has %d bytes, a socket's path at most %d", driver.ErrAddress, path, len(path), maxSocketPath)
	}
	return path, nil
}

// directory is $KITH_DIR, else the user's own below /run/user, else one in
// /tmp; not in $TMPDIR, for both sides must find it. The last two are this
// user's alone, if they are there. A setuid or setgid program does not obey its caller's
// KITH_DIR, as by secure_getenv(3).
func directory() (string, error) {
	if chosen := chosen(); chosen != "" {
		if !filepath.IsAbs(chosen) {
			return "", fmt.Errorf("%w: KITH_DIR=%s is not an absolute path", driver.ErrAddress, chosen)
		}
		if info, err := os.Stat(chosen); err == nil && !info.IsDir() {
			return "", &os.PathError{Op: "use KITH_DIR", Path: chosen, Err: syscall.ENOTDIR}
		}
		return filepath.Clean(chosen), nil
	}
	uid := strconv.Itoa(os.Geteuid())
	path := "/tmp/kith-" + uid
	if runtime := "/run/user/" + uid; ours(runtime) == nil {
		path = runtime + "/kith"
	}
	if err := ours(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	return path, nil
}

func chosen() string {
	if os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() {
		return ""
	}
	return os.Getenv("KITH_DIR")
}

// makeDirectory makes kith's directory, if that is the one meant; any other has
// to be there.
func makeDirectory(path string) error {
	if own, err := directory(); err != nil || path != own {
		return err
	}
	if chosen() != "" {
		return os.MkdirAll(path, 0o700)
	}
	_, err := private(path)
	return err
}

// private makes a directory for this user alone, and checks what it finds:
// in /tmp anybody may have made it first.
func private(path string) (string, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return "", err
	}
	return path, ours(path)
}

// ours checks that a directory is one that nobody else can write.
func ours(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if !info.IsDir() || int(owner) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return &os.PathError{Op: "use", Path: path, Err: fmt.Errorf(
			"%w: not a directory of uid %d that nobody else can write (set KITH_DIR to another)", syscall.EPERM, os.Geteuid())}
	}
	return nil
}

// reachable refuses to let others in where they cannot come: below a directory of
// kith's choosing, or of $KITH_DIR, that only its owner can search. Any other path is taken
// at its word, as it may be mounted elsewhere.
func (a Access) reachable(where string) error {
	if own, err := directory(); err != nil || where != own || !a.meansOthers() {
		return nil
	}
	for at := where; at != "/"; at = filepath.Dir(at) {
		mode := fs.FileMode(0o700) // as it will be made
		if info, err := os.Stat(at); err == nil {
			mode = info.Mode().Perm()
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if mode&0o011 == 0 {
			return &os.PathError{Op: "listen", Path: where, Err: fmt.Errorf(
				"%w: other users cannot search %s (mode %04o): give a path, as /run/NAME, or set KITH_DIR to a directory that they can", syscall.EACCES, at, mode)}
		}
	}
	return nil
}

// meansOthers reports whether users are to come whom a directory's mode can keep out.
func (a Access) meansOthers() bool {
	return len(a.groups) > 0 || slices.ContainsFunc(a.users, func(uid int) bool { return uid != 0 && uid != os.Geteuid() })
}
