package sock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// MaxFiles is how many descriptors one record can carry (SCM_MAX_FD).
const MaxFiles = 253

// ErrFiles is a record that came with another number of descriptors than were
// expected. All of them were closed.
var ErrFiles = errors.New("unexpected number of descriptors")

// Send sends one record with descriptors, which stay the caller's (unix(7),
// SCM_RIGHTS). It parks the goroutine while the socket is full: set the write
// deadline of c to bound it.
func Send(c syscall.Conn, record []byte, files ...*os.File) error {
	fds := make([]int, len(files))
	for i, file := range files {
		if err := sys.Control(file, func(fd int) error { fds[i] = fd; return nil }); err != nil {
			return err
		}
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Write(func(fd uintptr) bool {
		inner = sys.Again(func() error {
			return unix.Sendmsg(int(fd), record, unix.UnixRights(fds...), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		})
		return !errors.Is(inner, unix.EAGAIN)
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("sendmsg", inner)
}

// Receive takes one record into buffer, with exactly count descriptors, which
// become the caller's and are closed on exec. Where there are fewer or more,
// or the kernel had to drop some, all are closed and the error is ErrFiles.
// EMSGSIZE: the record was longer than the buffer. io.EOF: the peer closed. Set the read deadline of c to bound the wait.
func Receive(c syscall.Conn, buffer []byte, count int) (int, []*os.File, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, nil, err
	}
	var n, controlLength, flags int
	control := make([]byte, unix.CmsgSpace(4*MaxFiles))
	receive := func(fd int) error {
		return sys.Again(func() (err error) {
			n, controlLength, flags, _, err = unix.Recvmsg(fd, buffer, control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
			return err
		})
	}
	ended := func() bool { return n == 0 && controlLength == 0 }
	var inner error
	err = raw.Read(func(fd uintptr) bool {
		inner = receive(int(fd))
		// The kernel looks for a record first, and for the end then, not at once. A last
		// record and the end that come between are the end to it, the first time.
		if inner == nil && ended() {
			inner = receive(int(fd))
		}
		return !errors.Is(inner, unix.EAGAIN)
	})
	if err == nil {
		err = os.NewSyscallError("recvmsg", inner)
	}
	if err == nil && ended() {
		err = io.EOF
	}
	if err != nil {
		return 0, nil, err
	}
	files, err := take(control[:controlLength], flags, count)
	if err == nil && flags&unix.MSG_TRUNC != 0 {
		CloseAll(files)
		return n, nil, os.NewSyscallError("recvmsg", unix.EMSGSIZE)
	}
	return n, files, err
}

// take makes files of every descriptor that came, before it judges them: one
// that is not taken would stay open for ever.
func take(control []byte, flags, count int) ([]*os.File, error) {
	var files []*os.File
	messages, err := unix.ParseSocketControlMessage(control)
	for i := range messages {
		fds, _ := unix.ParseUnixRights(&messages[i]) // other kinds carry none
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	switch {
	case flags&unix.MSG_CTRUNC != 0:
		err = fmt.Errorf("%w: %w (raise it: ulimit -n)", ErrFiles, unix.EMFILE) // there was room for MaxFiles
	case err != nil || len(files) != count:
		err = fmt.Errorf("%w: want %d, got %d", ErrFiles, count, len(files))
	default:
		return files, nil
	}
	CloseAll(files)
	return nil, err
}

// CloseAll closes files; nil ones are passed over.
func CloseAll(files []*os.File) {
	for _, file := range files {
		if file != nil {
			_ = file.Close()
		}
	}
}
