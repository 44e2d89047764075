package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A UnixMessage is what sendmsg(2) and recvmsg(2) take for a Unix socket. It is used
// again and again, as the kernel's structures in it would each be allocated.
type UnixMessage struct {
	Bytes   []byte
	Control []byte
	Name    UnixName // to send: the zero one is nobody's, for a socket that is connected

	// What came: bytes of Control, and MSG_TRUNC, MSG_CTRUNC.
	ControlLength int
	Flags         int

	vector unix.Iovec
	header unix.Msghdr
}

// Send sends what the socket has room for at this moment, and returns how many
// bytes that was. It raises no SIGPIPE.
func (m *UnixMessage) Send(fd int) (int, error) {
	m.prepare(m.Name.length)
	return m.transfer(unix.SYS_SENDMSG, fd, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// Receive takes what the socket has at this moment, with descriptors that are
// closed on exec. With MSG_TRUNC among the flags it returns how long a message was,
// though it did not fit.
func (m *UnixMessage) Receive(fd, flags int) (int, error) {
	m.Name = UnixName{}
	m.prepare(unixNameSize)
	n, err := m.transfer(unix.SYS_RECVMSG, fd, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC|flags)
	m.Name.length, m.ControlLength, m.Flags = m.header.Namelen, int(m.header.Controllen), int(m.header.Flags)
	return n, err
}

func (m *UnixMessage) prepare(nameLength uint32) {
	m.vector.Base = unsafe.SliceData(m.Bytes)
	m.vector.SetLen(len(m.Bytes))
	m.header = unix.Msghdr{Iov: &m.vector, Control: unsafe.SliceData(m.Control), Namelen: nameLength}
	m.header.SetIovlen(1)
	m.header.SetControllen(len(m.Control))
	if nameLength > 0 {
		m.header.Name = (*byte)(unsafe.Pointer(&m.Name.raw))
	}
}

// transfer tells the scheduler of the call: a peer may have the very same end of
// a socket, and keep its lock in the kernel for as long as it likes.
func (m *UnixMessage) transfer(call uintptr, fd, flags int) (int, error) {
	for {
		n, _, errno := unix.Syscall(call, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), uintptr(flags))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
