package mq

import (
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

func getLimit(err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return msgLimit(err, "MSGMNI", "msgmni", func(i *sys.MsgInfo) int32 { return i.Queues })
	}
	return err
}

// sendError finds what an errno of msgsnd stands for.
func (q *SysV) sendError(err error, kind int64, size int) error {
	switch {
	case errors.Is(err, unix.EINVAL) && kind > 0 && tooLong(size):
		return msgLimit(err, "MSGMAX", "msgmax", func(i *sys.MsgInfo) int32 { return i.Max })
	case errors.Is(err, unix.EAGAIN):
		return q.full(err, size)
	}
	return err
}

func tooLong(size int) bool {
	limits, err := sys.MsgLimits()
	return err == nil && size > int(limits.Max)
}

// full is ErrFull, unless the message would not fit the empty queue either. An
// empty one counts too: a queue holds no more messages than bytes.
func (q *SysV) full(err error, size int) error {
	if stat, unknown := sys.MsgStatOf(q.id); unknown == nil && uint64(max(size, 1)) > stat.MaxBytes {
		return &ipc.LimitError{Limit: "msg_qbytes", Max: int64(stat.MaxBytes), Raise: "SysV.SetMaxBytes, up to /proc/sys/kernel/msgmnb", Err: err}
	}
	return ErrFull
}

// setLimit finds what an errno of msgctl stands for, for who may set the queue:
// others get the same one.
func setLimit(err error, wanted *sys.MsgStat) error {
	limits, unknown := sys.MsgLimits()
	if errors.Is(err, unix.EPERM) && unknown == nil && wanted.MaxBytes > uint64(limits.Bytes) {
		return msgLimit(err, "MSGMNB", "msgmnb", func(i *sys.MsgInfo) int32 { return i.Bytes })
	}
	return err
}

func msgLimit(err error, name, file string, value func(*sys.MsgInfo) int32) error {
	limit := &ipc.LimitError{Limit: name, Raise: "/proc/sys/kernel/" + file, Err: err}
	if limits, unknown := sys.MsgLimits(); unknown == nil {
		limit.Max = int64(value(limits))
	}
	return limit
}
