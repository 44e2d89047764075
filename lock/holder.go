package lock

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Holder is one lock that is in the way of another.
type Holder struct {
	// PID is the process, or 0 where the kernel does not say: for an OFD lock,
	// which belongs to no process, or one of another PID namespace or machine.
	PID  int
	Kind Kind
	Mode Mode
	Span Range
}

func (h *Holder) String() string {
	who := "somebody unknown"
	if h.PID != 0 {
		who = fmt.Sprintf("process %d", h.PID)
	}
	return fmt.Sprintf("%s holds a lock, %v and %v", who, h.Kind, h.Mode)
}

// Holder finds a lock that keeps mode and span from being taken now, or nil. It
// can be out of date before it returns: to lock, Try. Locks of the same open file
// (POSIX: of this process) are in nobody's way here.
//
// For Flock, the kernel has no such question; the answer is from proc_locks(5),
// which lists the locks of this PID namespace's processes, and those of the same
// open file among them.
func (t *Target) Holder(mode Mode, span Range) (*Holder, error) {
	if t.err != nil {
		return nil, t.err
	}
	if t.open == nil {
		file, err := os.Open(t.path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return On(file, t.kind).Holder(mode, span)
	}
	c := &call{open: t.open, mode: mode, span: span}
	holder, err := c.holder()
	if err != nil {
		return nil, t.open.failed(err)
	}
	return holder, nil
}

func (c *call) holder() (holder *Holder, err error) {
	if err := check(c.kind, c.mode, c.span); err != nil {
		return nil, err
	}
	if c.kind == Flock {
		return c.listed()
	}
	record := c.record(recordType(c.mode))
	err = sys.Control(c.file, func(fd int) error {
		return sys.Again(func() error {
			return unix.FcntlFlock(uintptr(fd), pick(c.kind, unix.F_OFD_GETLK, unix.F_GETLK), record)
		})
	})
	if err != nil || record.Type == unix.F_UNLCK {
		return nil, err
	}
	return found(record), nil
}

// found reads the kernel's answer: the PID of an OFD lock is -1.
func found(record *unix.Flock_t) *Holder {
	h := &Holder{Kind: POSIX, Mode: Exclusive, PID: int(record.Pid), Span: Range{record.Start, record.Len}}
	if record.Type == unix.F_RDLCK {
		h.Mode = Shared
	}
	if record.Pid < 0 {
		h.Kind, h.PID = OFD, 0
	}
	return h
}

// listed looks for the file in the list of all locks:
//
//	1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF
func (c *call) listed() (*Holder, error) {
	var stat unix.Stat_t
	err := sys.Control(c.file, func(fd int) error { return unix.Fstat(fd, &stat) })
	if err != nil {
		return nil, err
	}
	list, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil, err
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(uint64(stat.Dev)), unix.Minor(uint64(stat.Dev)), stat.Ino)
	for line := range bytes.Lines(list) {
		h := &Holder{Kind: Flock, Mode: Exclusive}
		var number, access, id, how string
		n, _ := fmt.Sscan(string(line), &number, &how, &access, &access, &h.PID, &id)
		if n < 6 || how != "FLOCK" || id != file {
			continue
		}
		if access == "READ" {
			h.Mode = Shared
		}
		if h.Mode == Exclusive || c.mode == Exclusive {
			return h, nil
		}
	}
	return nil, nil
}
