package proc

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// openPidfd opens a pidfd of whoever has the PID now.
func openPidfd(pid int) (*os.File, error) {
	if pid > math.MaxInt32 { // the kernel would cut it down to another's
		return nil, ErrNoProcess
	}
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case errors.Is(err, unix.ESRCH):
		return nil, ErrNoProcess
	case pid > 0 && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT)): // before Linux 6.16, and from there on
		return nil, ErrThread
	case err != nil:
		return nil, sys.OpenLimit(err)
	}
	return pidfdFile(fd), nil
}

// duplicate is a pidfd of our own of the same process.
func duplicate(file *os.File) (own *os.File, err error) {
	err = sys.Control(file, func(fd int) (err error) {
		own, err = duplicateFD(fd)
		return err
	})
	return own, err
}

func duplicateFD(fd int) (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return pidfdFile(fd), sys.OpenLimit(err)
}

// pidfdFile is nil for a negative number.
func pidfdFile(fd int) *os.File { return os.NewFile(uintptr(fd), "pidfd") }

// visiblePID is the PID of a pidfd's process as /proc has it: 0 where this process cannot
// see it, and -1 where it was waited for. ErrNotPidfd is what has none.
func visiblePID(file *os.File) (pid int, err error) {
	err = sys.Control(file, func(fd int) error {
		text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
		if err != nil {
			return err
		}
		_, value, is := bytes.Cut(text, []byte("\nPid:"))
		if !is {
			return ErrNotPidfd
		}
		value, _, _ = bytes.Cut(value, []byte("\n"))
		pid, err = strconv.Atoi(string(bytes.TrimSpace(value)))
		return err
	})
	return pid, err
}

// ofThread is true for a pidfd of one thread (PIDFD_THREAD, which is O_EXCL).
func ofThread(file *os.File) bool {
	flags := 0
	_ = sys.Control(file, func(fd int) (err error) {
		flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		return err
	})
	return flags&unix.O_EXCL != 0
}
