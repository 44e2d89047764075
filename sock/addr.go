package sock

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// An Addr is the name of a Unix socket, byte for byte as the kernel has it
// (sun_path in unix(7)): a path; or an abstract name, which begins with a NUL and
// may hold more of them; or "", which is no name.
//
// A path may be longer than the 108 bytes that an address has room for, see Bind
// and Connect.
type Addr string

// Abstract is an abstract name, of 0 to 107 bytes, all of which count. It is in no
// file system, and goes with its socket.
//
// It has no owner and no mode: anybody in the network namespace may connect and send
// to it, or bind it first. See the package's documentation.
func Abstract(name string) Addr { return Addr("\x00" + name) }

// Padded is the abstract name of C programs that pass sizeof(struct sockaddr_un) to
// bind(2), not the length that the name has: with NULs up to 107 bytes, it is another
// name.
func Padded(name string) Addr {
	return Abstract(name + strings.Repeat("\x00", max(0, sys.UnixNameMax-1-len(name))))
}

// isPath reports whether the name is one of a file.
func (a Addr) isPath() bool { return a != "" && !a.IsAbstract() }

// IsAbstract reports whether the name is an abstract one.
func (a Addr) IsAbstract() bool { return strings.HasPrefix(string(a), "\x00") }

// String is a path as it is, and an abstract name as ss(8) and /proc/net/unix write
// it, with @ for its first NUL; what cannot be printed in it is escaped as in Go.
func (a Addr) String() string {
	if !a.IsAbstract() {
		return string(a)
	}
	quoted := strconv.Quote(string(a[1:]))
	return "@" + quoted[1:len(quoted)-1]
}

// resolve finds what the kernel is told to reach the name: a path that is longer
// than an address is opened, and the descriptor's name in /proc is passed. Release
// is for when the kernel has been told.
func (a Addr) resolve() (name sys.UnixName, release func(), err error) {
	switch {
	case len(a) <= sys.UnixNameMax:
		name, err = sys.NewUnixName(string(a))
		return name, func() {}, err
	case a.IsAbstract():
		return name, nil, unix.ENAMETOOLONG
	}
	return proxy(string(a), unix.O_PATH, "")
}

// proxy opens a path, and names it, or what is in it, by the descriptor.
func proxy(path string, flags int, in string) (name sys.UnixName, release func(), err error) {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return name, nil, sys.OpenLimit(err)
	}
	release = func() { _ = unix.Close(fd) }
	short := "/proc/self/fd/" + strconv.Itoa(fd) + in
	if _, err = os.Lstat("/proc/self/fd"); err != nil || len(short) > sys.UnixNameMax {
		err = unix.ENAMETOOLONG
	} else {
		name, err = sys.NewUnixName(short)
	}
	if err != nil {
		release()
	}
	return name, release, err
}
