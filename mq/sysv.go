package mq

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// A SysV is a System V message queue, msgget(2). Any number of goroutines may
// use it at once. It holds nothing of the kernel's, so there is nothing to close.
// Rights are looked at in each call. The zero SysV is the queue with the
// identifier 0, which may be anybody's.
type SysV struct{ id int }

// CreateSysV makes a queue (msgget(2), with IPC_CREAT and IPC_EXCL). The mode is
// as given, whatever the umask; only its bits to read, which are for receiving,
// and to write, for sending, count. With ipc.Private it gets no key, and is found
// by its ID alone.
//
// Errors: EEXIST; ENOMEM; ENOSYS where the kernel has no such queues; MSGMNI as
// a limit (ENOSPC).
func CreateSysV(key ipc.Key, mode fs.FileMode) (*SysV, error) {
	return msgget(key, unix.IPC_CREAT|unix.IPC_EXCL|int(mode.Perm()))
}

// OpenSysV opens the queue that has the key (msgget(2)). The error is ENOENT
// where there is none, and for ipc.Private, by which none is found.
func OpenSysV(key ipc.Key) (*SysV, error) {
	if key == ipc.Private {
		return nil, os.NewSyscallError("msgget", unix.ENOENT) // the kernel would make one
	}
	return msgget(key, 0)
}

// SysVByID is the queue that has the identifier. Whether there is one, the first
// call tells.
func SysVByID(id int) *SysV {
	if id != int(int32(id)) {
		id = -1 // nobody's: the kernel would cut it down to that of another queue
	}
	return &SysV{id: id}
}

// OpenOrCreateSysV opens the queue that has the key, or makes it with the mode
// (msgget(2), with IPC_CREAT). The errors are those of CreateSysV.
func OpenOrCreateSysV(key ipc.Key, mode fs.FileMode) (*SysV, error) {
	return msgget(key, unix.IPC_CREAT|int(mode.Perm()))
}

func msgget(key ipc.Key, flags int) (*SysV, error) {
	id, err := sys.Msgget(int32(key), flags)
	if err != nil {
		return nil, os.NewSyscallError("msgget", getLimit(err))
	}
	return &SysV{id: id}, nil
}

// ID is the queue's identifier on this machine, as in ipcs(1). It is used again
// only after very many others.
func (q *SysV) ID() int { return q.id }

// Remove removes the queue and its messages at once (IPC_RMID). Calls that wait
// return with EIDRM, later ones with EINVAL.
//
// Errors: EPERM where it belongs to another user; EINVAL, EIDRM where it is gone.
func (q *SysV) Remove() error { return os.NewSyscallError("msgctl", sys.MsgRemove(q.id)) }
