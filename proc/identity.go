package proc

import (
	"errors"
	"io/fs"
	"os"
)

// An Identity is a process for good: a PID alone is given to another some time after
// the process has ended. It can be kept in a file, and is good until the machine
// starts anew. Two processes can share one only where all PIDs are used up within a
// hundredth of a second.
type Identity struct {
	PID int
	// Start is when it started, in clock ticks (1/100 s) since the machine did: field 22 of
	// /proc/PID/stat.
	Start uint64
}

// Identify is the identity of whoever has the PID now. It needs /proc.
//
// Errors: those of Process, and of reading /proc.
func Identify(pid int) (Identity, error) {
	file, err := openPidfd(pid)
	if err != nil {
		return Identity{}, os.NewSyscallError("pidfd_open", err)
	}
	defer file.Close()
	return identify(file, pid)
}

// identify reads the start time, and then makes sure that the process had its PID still.
func identify(pidfd *os.File, pid int) (Identity, error) {
	stat, err := readStat(pid)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNoProcess
	}
	if err == nil {
		var now int
		if now, err = visiblePID(pidfd); err == nil && now != pid {
			err = ErrNoProcess
		}
	}
	if err != nil {
		return Identity{}, os.NewSyscallError("pidfd_open", err)
	}
	return Identity{pid, stat.start}, nil
}

// Identified watches the process that had this identity, if it is there still.
//
// Errors: ErrReused; those of Identify and of Process.
func (w *Watcher) Identified(id Identity) (*Watch, error) {
	file, err := openPidfd(id.PID)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	now, err := identify(file, id.PID)
	if err == nil && now != id {
		err = os.NewSyscallError("pidfd_open", ErrReused)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return w.process(file, id.PID)
}
