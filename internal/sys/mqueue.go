package sys

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An MqAttr is the kernel's struct mq_attr, mq_getattr(3); a long is Go's int.
type MqAttr struct {
	Flags    int
	Messages int // at most, mq_maxmsg
	Size     int // of one at most, in bytes, mq_msgsize
	Current  int // in the queue now, mq_curmsgs
	_        [4]int
}

// MqOpen opens or makes a POSIX queue, mq_open(2), and returns its descriptor,
// which is closed on exec. The kernel's name has no leading slash. A queue that
// is made without attributes has the machine's defaults.
func MqOpen(name string, flags int, mode uint32, attributes *MqAttr) (int, error) {
	bytes, err := unix.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(bytes)), uintptr(flags), uintptr(mode),
		uintptr(unsafe.Pointer(attributes)), 0, 0)
	return int(fd), failed(errno)
}

// MqUnlink removes a queue's name, mq_unlink(2).
func MqUnlink(name string) error {
	bytes, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(bytes)), 0, 0)
	return failed(errno)
}

// MqSend sends a message without waiting, mq_timedsend(2): EAGAIN where the
// queue is full.
func MqSend(fd int, message []byte, priority uint32) error {
	deadline := longAgo
	_, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDSEND, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(message))),
		uintptr(len(message)), uintptr(priority), uintptr(unsafe.Pointer(&deadline)), 0)
	return notNow(errno)
}

// MqReceive takes a message without waiting, mq_timedreceive(2): EAGAIN where
// the queue is empty.
func MqReceive(fd int, buffer []byte) (n int, priority uint32, err error) {
	deadline := longAgo
	length, _, errno := unix.Syscall6(unix.SYS_MQ_TIMEDRECEIVE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buffer))),
		uintptr(len(buffer)), uintptr(unsafe.Pointer(&priority)), uintptr(unsafe.Pointer(&deadline)), 0)
	if errno != 0 {
		return 0, 0, notNow(errno)
	}
	return int(length), priority, nil
}

// longAgo is a deadline for calls that are not to wait: O_NONBLOCK alone does
// not suffice, as whoever has inherited the descriptor can take it back.
var longAgo = unix.Timespec{}

func notNow(errno unix.Errno) error {
	if errno == unix.ETIMEDOUT {
		return unix.EAGAIN
	}
	return failed(errno)
}

// MqAttributes reads a queue's attributes, mq_getsetattr(2).
func MqAttributes(fd int) (*MqAttr, error) {
	attributes := new(MqAttr)
	_, _, errno := unix.Syscall(unix.SYS_MQ_GETSETATTR, uintptr(fd), 0, uintptr(unsafe.Pointer(attributes)))
	return attributes, failed(errno)
}

// MqCookie is the size of what a notification writes to its socket. The last
// byte says what happened.
const MqCookie = 32

// The last byte of a cookie.
const (
	MqArrived = 1 // NOTIFY_WOKENUP: a message came to the empty queue
	MqRemoved = 2 // NOTIFY_REMOVED: the registration was taken back
)

// MqNotify asks for one notification, mq_notify(2), which is written to a netlink
// socket: the kernel's half of SIGEV_THREAD, without the thread. Nothing in it
// is of the protocol netlink.
func MqNotify(fd, socket int) error {
	cookie := new([MqCookie]byte)
	event := sigevent{value: unsafe.Pointer(cookie), signal: int32(socket), notify: sigevThread}
	_, _, errno := unix.Syscall(unix.SYS_MQ_NOTIFY, uintptr(fd), uintptr(unsafe.Pointer(&event)), 0)
	runtime.KeepAlive(cookie)
	return failed(errno)
}

// MqForget takes this process's registration back, if it has one.
func MqForget(fd int) error {
	_, _, errno := unix.Syscall(unix.SYS_MQ_NOTIFY, uintptr(fd), 0, 0)
	return failed(errno)
}

// A sigevent is the kernel's struct sigevent, of 64 bytes, sigevent(3type).
type sigevent struct {
	value  unsafe.Pointer
	signal int32
	notify int32
	_      [56 - unsafe.Sizeof(uintptr(0))]byte
}

const sigevThread = 2 // SIGEV_THREAD
