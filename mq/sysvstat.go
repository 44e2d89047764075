package mq

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// A SysVStat is the state of a System V queue (struct msqid_ds, msgctl(2)).
type SysVStat struct {
	ipc.Perm
	Queued   int // messages that are in the queue now
	Bytes    int // how long these are together
	MaxBytes int // and may be at most (msg_qbytes)

	LastSender, LastReceiver int // process IDs, or 0

	Sent, Received time.Time // when a message was last; zero: never
	Changed        time.Time // when the queue was made or last set
}

// Stat asks how the queue is (MSG_STAT_ANY, which needs no rights; before Linux
// 4.17 IPC_STAT, which needs that to read: EACCES). EINVAL: there is no such
// queue.
func (q *SysV) Stat() (SysVStat, error) {
	stat, err := sys.MsgStatOf(q.id)
	if err != nil {
		return SysVStat{}, os.NewSyscallError("msgctl", err)
	}
	return SysVStat{
		Perm:   sys.PermOf(&stat.Perm),
		Queued: int(stat.Messages), Bytes: int(stat.Bytes), MaxBytes: int(stat.MaxBytes),
		LastSender: int(stat.Sender), LastReceiver: int(stat.Receiver),
		Sent: sys.Moment(stat.Sent), Received: sys.Moment(stat.Received), Changed: sys.Moment(stat.Changed),
	}, nil
}

// Chown gives the queue to another user and group (IPC_SET). What its creator
// may do with it stays. EPERM: the caller is neither owner, creator, nor privileged.
func (q *SysV) Chown(uid, gid uint32) error {
	return q.set(func(s *sys.MsgStat) { s.Perm.Uid, s.Perm.Gid = uid, gid })
}

// Chmod says who may receive (0444) and send (0222), IPC_SET. EPERM as in
// Chown.
func (q *SysV) Chmod(mode fs.FileMode) error {
	return q.set(func(s *sys.MsgStat) { sys.SetMode(&s.Perm, mode) })
}

// SetMaxBytes sets how many bytes of messages the queue holds (IPC_SET), for
// those who wait too. EPERM as in Chown; to go above MSGMNB takes the
// privilege CAP_SYS_RESOURCE, and is a limit otherwise (EPERM). EINVAL: below 0.
func (q *SysV) SetMaxBytes(size int) error {
	if size < 0 {
		return os.NewSyscallError("msgctl", unix.EINVAL)
	}
	return q.set(func(s *sys.MsgStat) { s.MaxBytes = uint64(size) })
}

// set reads all that IPC_SET sets, as it sets all: two at once may undo each
// other's.
func (q *SysV) set(change func(*sys.MsgStat)) error {
	stat, err := sys.MsgStatOf(q.id)
	if err != nil {
		return os.NewSyscallError("msgctl", err)
	}
	user := uint32(unix.Geteuid())
	ours := user == stat.Perm.Uid || user == stat.Perm.Cuid
	change(stat)
	err = sys.MsgSet(q.id, stat)
	if ours {
		err = setLimit(err, stat)
	}
	return os.NewSyscallError("msgctl", err)
}
