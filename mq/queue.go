package mq

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Queue is an open POSIX message queue, mq_overview(7). Any number of
// goroutines may use it at once, and Close it under others.
type Queue struct {
	name    string
	file    *os.File
	raw     syscall.RawConn
	sending *sys.Direction
	taking  *sys.Direction
}

// Attributes are what a queue can hold. They are set when it is made, for good.
type Attributes struct {
	Messages int // at most at once, mq_maxmsg
	Size     int // of one message, at most, in bytes, mq_msgsize
}

// Create makes a queue and opens it for both sending and receiving (mq_open(3),
// with O_EXCL). The name is a slash and 1 to 255 bytes without one. The mode is
// as given, whatever the umask. Attributes{} are the machine's defaults: usually
// 10 messages of 8192 bytes.
//
// Errors: EEXIST; EINVAL for a name without its slash, or attributes that are
// not both positive; ENOENT, EACCES, ENAMETOOLONG for other bad names; ENOMEM;
// ENOSYS where the kernel has no such queues. Limits: msg_max and msgsize_max
// (EINVAL), queues_max (ENOSPC), RLIMIT_MSGQUEUE and RLIMIT_NOFILE (EMFILE), and
// max_user_watches of epoll(7), by which Go waits (ENOSPC).
func Create(name string, mode fs.FileMode, attributes Attributes) (*Queue, error) {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_RDWR | unix.O_NONBLOCK
	var wanted *sys.MqAttr
	if attributes != (Attributes{}) {
		wanted = &sys.MqAttr{Messages: attributes.Messages, Size: attributes.Size}
	}
	fd, err := mqOpen(name, flags, mode, wanted)
	if err != nil {
		return nil, failed("mq_open", name, creationLimit(err, attributes))
	}
	return created(name, fd, mode)
}

// OpenOrCreate opens the queue with the name for both sending and receiving, or
// makes it (mq_open(3), with O_CREAT). One that is there keeps its own attributes,
// and its mode must let us do both. The errors are those of Create and Open.
func OpenOrCreate(name string, mode fs.FileMode, attributes Attributes) (q *Queue, err error) {
	for range attempts {
		q, err = Open(name, os.O_RDWR)
		if !errors.Is(err, unix.ENOENT) {
			return q, err
		}
		q, err = Create(name, mode, attributes)
		if !errors.Is(err, unix.EEXIST) {
			return q, err
		}
	}
	return nil, err
}

// attempts bounds how often a name may be made and removed under us.
const attempts = 100

// created is for a queue that is new, and goes again if it cannot be used.
func created(name string, fd int, mode fs.FileMode) (q *Queue, err error) {
	if err = unix.Fchmod(fd, uint32(mode.Perm())); err == nil { // the umask took from it
		q, err = newQueue(name, fd)
	} else {
		err = failed("fchmod", name, errors.Join(err, unix.Close(fd)))
	}
	if err != nil {
		_ = sys.MqUnlink(name[1:])
	}
	return q, err
}

// Open opens a queue that is there (mq_open(3)): to receive (os.O_RDONLY), to
// send (os.O_WRONLY), or both (os.O_RDWR).
//
// Errors: ENOENT; EACCES; EINVAL for other flags, or a name without its slash;
// RLIMIT_NOFILE (EMFILE), file-max (ENFILE) and max_user_watches (ENOSPC) as limits.
func Open(name string, flag int) (*Queue, error) {
	if flag != os.O_RDONLY && flag != os.O_WRONLY && flag != os.O_RDWR {
		return nil, failed("mq_open", name, unix.EINVAL)
	}
	fd, err := mqOpen(name, flag|unix.O_NONBLOCK, 0, nil)
	if err != nil {
		return nil, failed("mq_open", name, sys.OpenLimit(err))
	}
	return newQueue(name, fd)
}

// Unlink removes the name of a queue (mq_unlink(3)). Whoever has the queue open
// goes on with it; with the last of them it is gone, and its messages.
//
// Errors: ENOENT; EACCES for a bad name, and for a queue of another user's.
func Unlink(name string) error {
	if !strings.HasPrefix(name, "/") {
		return failed("mq_unlink", name, unix.EINVAL)
	}
	err := sys.MqUnlink(name[1:])
	if err == unix.EPERM { //nolint:errorlint // a bare errno
		err = unix.EACCES // as mq_unlink(3) has it
	}
	return failed("mq_unlink", name, err)
}

// mqOpen passes the name as the kernel has it, without its slash.
func mqOpen(name string, flags int, mode fs.FileMode, attributes *sys.MqAttr) (int, error) {
	if !strings.HasPrefix(name, "/") {
		return -1, unix.EINVAL
	}
	return sys.MqOpen(name[1:], flags, uint32(mode.Perm()), attributes)
}

func newQueue(name string, fd int) (*Queue, error) {
	file := os.NewFile(uintptr(fd), name)
	err := sys.Pollable(file)
	if err == nil {
		q := &Queue{name: name, file: file}
		if q.raw, err = file.SyscallConn(); err == nil {
			q.sending = sys.NewDirection(q.raw.Write, file.SetWriteDeadline)
			q.taking = sys.NewDirection(q.raw.Read, file.SetReadDeadline)
			return q, nil
		}
	}
	_ = file.Close()
	return nil, failed("mq_open", name, err)
}

// Name is the queue's name, with its slash.
func (q *Queue) Name() string { return q.name }

// SyscallConn lends the descriptor, as to a poll or an epoll: it is readable
// when there is a message, writable when there is room. It is non-blocking and
// must stay so.
func (q *Queue) SyscallConn() (syscall.RawConn, error) { return q.file.SyscallConn() }

// Close closes the descriptor. Calls that wait return, and their errors and
// those of later calls match os.ErrClosed. The queue stays, and its messages; a
// Notification of this process is taken back.
func (q *Queue) Close() error {
	err := q.file.Close()
	q.sending.Disarm()
	q.taking.Disarm()
	return err
}

// failed wraps an error, if it is one.
func failed(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: name, Err: err}
}
