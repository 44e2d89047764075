package sys

import (
	"encoding/binary"
	"errors"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MsgHeader is the size of the type before a message's body, in bytes: the
// mtype of struct msgbuf, msgop(2).
const MsgHeader = 8

// Flags of msgrcv(2), as in the kernel's linux/msg.h.
const (
	MsgNoError = 0o10000
	MsgExcept  = 0o20000
	MsgCopy    = 0o40000
)

const (
	ipcInfo    = 3
	msgStatAny = 13
)

// Msgget finds or makes a System V queue, msgget(2). On machines of 32 bits,
// whose layouts differ, it is errors.ErrUnsupported.
func Msgget(key int32, flags int) (int, error) {
	if strconv.IntSize < 64 {
		return 0, errors.ErrUnsupported
	}
	id, _, errno := unix.Syscall(unix.SYS_MSGGET, uintptr(key), uintptr(flags), 0)
	return int(id), failed(errno)
}

// Msgsnd sends a frame, which is room for the type and then the body, msgsnd(2).
// With IPC_NOWAIT it cannot block.
func Msgsnd(id int, kind int64, frame []byte, flags int) error {
	binary.NativeEndian.PutUint64(frame, uint64(kind))
	body := uintptr(len(frame) - MsgHeader)
	if flags&unix.IPC_NOWAIT != 0 {
		_, _, errno := unix.RawSyscall6(unix.SYS_MSGSND, uintptr(id), uintptr(unsafe.Pointer(&frame[0])), body, uintptr(flags), 0, 0)
		return failed(errno)
	}
	_, _, errno := unix.Syscall6(unix.SYS_MSGSND, uintptr(id), uintptr(unsafe.Pointer(&frame[0])), body, uintptr(flags), 0, 0)
	return failed(errno)
}

// Msgrcv takes a message into a frame, msgrcv(2), and returns the length of its
// body. With IPC_NOWAIT it cannot block.
func Msgrcv(id int, kind int64, frame []byte, flags int) (n int, err error) {
	var length uintptr
	var errno unix.Errno
	body := uintptr(len(frame) - MsgHeader)
	if flags&unix.IPC_NOWAIT != 0 {
		length, _, errno = unix.RawSyscall6(unix.SYS_MSGRCV, uintptr(id), uintptr(unsafe.Pointer(&frame[0])), body, uintptr(kind), uintptr(flags), 0)
	} else {
		length, _, errno = unix.Syscall6(unix.SYS_MSGRCV, uintptr(id), uintptr(unsafe.Pointer(&frame[0])), body, uintptr(kind), uintptr(flags), 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(length), nil
}

// MsgType is the type that Msgrcv left in a frame.
func MsgType(frame []byte) int64 { return int64(binary.NativeEndian.Uint64(frame)) }

// A MsgStat is the kernel's struct msqid64_ds, of 64 bits, msgctl(2).
type MsgStat struct {
	Perm     unix.SysvIpcPerm
	Sent     int64 // seconds since 1970, or 0
	Received int64
	Changed  int64
	Bytes    uint64 // in the queue
	Messages uint64
	MaxBytes uint64
	Sender   int32 // the last one
	Receiver int32
	_        [2]uint64
}

// MsgStatOf reads what the kernel knows of a queue, with IPC_STAT, which needs
// the right to read it: or without, where the kernel is 4.17 or newer.
func MsgStatOf(id int) (*MsgStat, error) {
	stat := new(MsgStat)
	found, err := msgctl(id, msgStatAny, unsafe.Pointer(stat))
	switch {
	case errors.Is(err, unix.EINVAL):
		_, err = msgctl(id, unix.IPC_STAT, unsafe.Pointer(stat))
	case err == nil && found != id: // this call looks at a part of the identifier alone
		err = unix.EINVAL
	}
	return stat, err
}

// MsgSet sets owner, mode and the bytes that the queue holds (IPC_SET).
func MsgSet(id int, stat *MsgStat) error {
	_, err := msgctl(id, unix.IPC_SET, unsafe.Pointer(stat))
	return err
}

// MsgRemove removes a queue (IPC_RMID).
func MsgRemove(id int) error {
	_, err := msgctl(id, unix.IPC_RMID, nil)
	return err
}

// A MsgInfo is the kernel's struct msginfo: the machine's limits.
type MsgInfo struct {
	_      [2]int32
	Max    int32 // bytes of a message, MSGMAX
	Bytes  int32 // of a queue, MSGMNB
	Queues int32 // MSGMNI
	_      [3]int32
}

// MsgLimits reads the limits of this IPC namespace (IPC_INFO).
func MsgLimits() (*MsgInfo, error) {
	info := new(MsgInfo)
	_, err := msgctl(0, ipcInfo, unsafe.Pointer(info))
	return info, err
}

func msgctl(id, command int, argument unsafe.Pointer) (int, error) {
	if strconv.IntSize < 64 {
		return 0, errors.ErrUnsupported
	}
	result, _, errno := unix.Syscall(unix.SYS_MSGCTL, uintptr(id), uintptr(command), uintptr(argument))
	return int(result), failed(errno)
}
