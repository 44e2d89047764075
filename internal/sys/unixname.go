package sys

import (
	"bytes"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A UnixName is the address of a Unix socket, struct sockaddr_un with its length:
// x/sys knows no name that holds a NUL, nor one that fills the whole of sun_path.
type UnixName struct {
	raw    unix.RawSockaddrUnix
	length uint32
}

// Lengths of struct sockaddr_un, unix(7).
const (
	UnixNameMax  = 108 // bytes in sun_path
	unixFamily   = 2   // bytes before it
	unixNameSize = unixFamily + UnixNameMax
)

// NewUnixName makes an address of the bytes of sun_path: an abstract name begins
// with a NUL, a path holds none; "" is the address without a name, bind(2) of which
// lets the kernel choose one.
func NewUnixName(name string) (n UnixName, err error) {
	if len(name) > UnixNameMax || strings.IndexByte(name, 0) > 0 {
		return n, unix.EINVAL
	}
	n.raw.Family = unix.AF_UNIX
	for i := range len(name) {
		n.raw.Path[i] = int8(name[i])
	}
	n.length = uint32(unixFamily + len(name)) // the kernel adds the NUL of a path
	return n, nil
}

// String is the bytes of sun_path, as NewUnixName takes them.
func (n *UnixName) String() string {
	length := min(n.length, unixNameSize) // the kernel says 111 where it needed a NUL of its own
	if length <= unixFamily {
		return ""
	}
	name := unsafe.Slice((*byte)(unsafe.Pointer(&n.raw.Path)), length-unixFamily)
	if end := bytes.IndexByte(name, 0); end > 0 {
		name = name[:end]
	}
	return string(name)
}

// BindUnix is bind(2).
func BindUnix(fd int, name *UnixName) error {
	return unixCall(unix.SYS_BIND, fd, name)
}

// ConnectUnix is connect(2). It returns EINTR where a signal came; nothing is done then.
func ConnectUnix(fd int, name *UnixName) error {
	return unixCall(unix.SYS_CONNECT, fd, name)
}

// DisconnectUnix makes a datagram socket forget its peer (connect(2), AF_UNSPEC).
func DisconnectUnix(fd int) error {
	return unixCall(unix.SYS_CONNECT, fd, &UnixName{length: unixFamily})
}

func unixCall(call uintptr, fd int, name *UnixName) error {
	_, _, errno := unix.Syscall(call, uintptr(fd), uintptr(unsafe.Pointer(&name.raw)), uintptr(name.length))
	if errno != 0 {
		return errno
	}
	return nil
}

// LocalUnix is getsockname(2).
func LocalUnix(fd int) (UnixName, error) { return unixAsk(unix.SYS_GETSOCKNAME, fd) }

// RemoteUnix is getpeername(2).
func RemoteUnix(fd int) (UnixName, error) { return unixAsk(unix.SYS_GETPEERNAME, fd) }

func unixAsk(call uintptr, fd int) (n UnixName, err error) {
	n.length = unixNameSize
	_, _, errno := unix.Syscall(call, uintptr(fd), uintptr(unsafe.Pointer(&n.raw)), uintptr(unsafe.Pointer(&n.length)))
	if errno != 0 {
		return UnixName{}, errno
	}
	return n, nil
}
