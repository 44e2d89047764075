package lock

import (
	"errors"
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
// (POSIX: of this process) are in nobody's way here, and nobody locks a lock file
// that is not there.
//
// For Flock, the kernel has no such question; the answer is from proc_locks(5),
// which lists the locks that were taken by this PID namespace's processes, and
// those of the same open file among them. In a container it lists no lock whose
// taker has ended, and left it to a child.
func (t *Target) Holder(mode Mode, span Range) (*Holder, error) {
	if t.err != nil {
		return nil, t.err
	}
	if err := check(t.kind, mode, span); err != nil {
		return nil, t.failed(err)
	}
	if t.open == nil {
		return t.holderOfFile(mode, span)
	}
	c := &call{open: t.open, mode: mode, span: span}
	holder, err := c.holder()
	if err != nil {
		return nil, t.open.failed(err)
	}
	return holder, nil
}

func (t *Target) holderOfFile(mode Mode, span Range) (*Holder, error) {
	fd, err := openFor(t.path, unix.O_RDONLY)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, nil
	case err != nil:
		return nil, &os.PathError{Op: "open", Path: t.path, Err: err}
	}
	file := os.NewFile(uintptr(fd), t.path)
	defer file.Close()
	return On(file, t.kind).Holder(mode, span)
}

func (c *call) holder() (holder *Holder, err error) {
	if c.kind == Flock {
		return c.listed()
	}
	record := c.record(try)
	err = sys.Control(c.file, func(fd int) error {
		return sys.Again(func() error {
			return unix.FcntlFlock(uintptr(fd), pick(c.kind, unix.F_OFD_GETLK, unix.F_GETLK), &record)
		})
	})
	if err != nil || record.Type == unix.F_UNLCK {
		return nil, err
	}
	return found(&record), nil
}

// found reads the kernel's answer. The PID of an OFD lock is -1.
func found(record *unix.Flock_t) *Holder {
	h := &Holder{Kind: POSIX, Mode: Exclusive, PID: int(record.Pid), Span: Range{record.Start, record.Len}}
	if record.Type == unix.F_RDLCK {
		h.Mode = Shared
	}
	switch {
	case record.Pid == -1:
		h.Kind, h.PID = OFD, 0
	case record.Pid < 0: // on another machine
		h.PID = 0
	}
	return h
}
