package mq

import (
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// What even those with CAP_SYS_RESOURCE may not exceed (mq_overview(7)).
const (
	hardMessages = 65536
	hardSize     = 16777216
)

// creationLimit finds the limit that an errno of mq_open stands for: the kernel
// has one errno for several.
func creationLimit(err error, wanted Attributes) error {
	switch {
	case errors.Is(err, unix.EINVAL) && wanted.Messages > 0 && wanted.Size > 0:
		return attributeLimit(err, wanted)
	case errors.Is(err, unix.ENOSPC):
		return machineLimit(err, "queues_max")
	case errors.Is(err, unix.EMFILE) && descriptorLeft():
		return resourceLimit(err, "RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE, "ulimit -q; bytes of all queues of this user")
	}
	return sys.OpenLimit(err)
}

func attributeLimit(err error, wanted Attributes) error {
	switch {
	case wanted.Messages > hardMessages:
		return &ipc.LimitError{Limit: "HARD_MSGMAX", Max: hardMessages, Raise: "it is fixed", Err: err}
	case wanted.Size > hardSize:
		return &ipc.LimitError{Limit: "HARD_MSGSIZEMAX", Max: hardSize, Raise: "it is fixed", Err: err}
	case int64(wanted.Messages) > sys.Setting("/proc/sys/fs/mqueue/msg_max", 0):
		return machineLimit(err, "msg_max")
	case int64(wanted.Size) > sys.Setting("/proc/sys/fs/mqueue/msgsize_max", 0):
		return machineLimit(err, "msgsize_max")
	}
	return err
}

// sizeLimit is a message that is longer than the queue allows.
func (q *Queue) sizeLimit(err error) error {
	limit := &ipc.LimitError{Limit: "mq_msgsize", Raise: "it was fixed when the queue was made", Err: err}
	if stat, err := q.Stat(); err == nil {
		limit.Max = int64(stat.Size)
	}
	return limit
}

func machineLimit(err error, name string) error {
	return sys.SettingLimit(err, name, "/proc/sys/fs/mqueue/"+name)
}

func resourceLimit(err error, name string, resource int, raise string) error {
	return &ipc.LimitError{Limit: name, Max: sys.Resource(resource), Raise: raise, Err: err}
}

// descriptorLeft tells the two limits behind EMFILE apart.
func descriptorLeft() bool {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	_ = unix.Close(fd)
	return err == nil
}
