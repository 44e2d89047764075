package mq

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Stat is the state of a Queue.
type Stat struct {
	Attributes
	Queued int // messages that are in the queue now

	// Bytes is how long these are together, and Notified the process that has
	// registered for a notification: 0 is nobody, or one of a PID namespace that
	// is not seen from here. Only who may receive is told: for a queue open for
	// sending alone they are -1 and 0.
	Bytes    int64
	Notified int

	UID, GID uint32 // the owner
	Mode     fs.FileMode
}

// Stat asks how the queue is (mq_getattr(3), fstat(2), and the text that read(2)
// gives). The descriptor needs neither /dev/mqueue nor the right to receive.
func (q *Queue) Stat() (Stat, error) {
	var stat Stat
	err := sys.Control(q.file, func(fd int) error { return stat.read(fd) })
	if err != nil {
		return Stat{}, failed("stat", q.name, err)
	}
	return stat, nil
}

func (s *Stat) read(fd int) error {
	attributes, err := sys.MqAttributes(fd)
	if err != nil {
		return os.NewSyscallError("mq_getattr", err)
	}
	s.Attributes = Attributes{Messages: attributes.Messages, Size: attributes.Size}
	s.Queued = attributes.Current
	var inode unix.Stat_t
	if err := unix.Fstat(fd, &inode); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	s.UID, s.GID, s.Mode = inode.Uid, inode.Gid, fs.FileMode(inode.Mode).Perm()
	s.readText(fd)
	return nil
}

// readText reads what mq_overview(7) draws, from its start, as the offset may
// be shared:
//
//	QSIZE:129        NOTIFY:2     SIGNO:0     NOTIFY_PID:8260
func (s *Stat) readText(fd int) {
	s.Bytes = -1
	text := make([]byte, 128)
	n, err := unix.Pread(fd, text, 0)
	if err != nil {
		return // EBADF: open for sending alone
	}
	var bytes int64
	var how, signal, pid int
	if _, err := fmt.Sscanf(string(text[:n]), "QSIZE:%d NOTIFY:%d SIGNO:%d NOTIFY_PID:%d", &bytes, &how, &signal, &pid); err == nil {
		s.Bytes, s.Notified = bytes, pid
	}
}
