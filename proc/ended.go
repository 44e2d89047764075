package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// statusOf is how the process of a pidfd, which has ended, did so. It asks, in turn, as its
// parent, of whom it was waited for, and of a zombie.
func statusOf(pidfd *os.File) Status {
	status := keptStatus(pidfd)
	if !status.known {
		status = zombieStatus(pidfd)
	}
	if !status.known { // a zombie that was waited for between the two
		status = keptStatus(pidfd)
	}
	return status
}

// keptStatus is what the kernel keeps for the parent, and for the pidfd.
func keptStatus(pidfd *os.File) (status Status) {
	_ = sys.Control(pidfd, func(fd int) error {
		wait, known, err := sys.ChildStatus(fd)
		if err != nil || !known {
			wait, known = recordedStatus(fd)
		}
		if known {
			status = Status{wait, known}
		}
		return nil
	})
	return status
}

// recordedStatus is what the kernel keeps with the pidfds of a process that was waited for
// (Linux 6.15).
func recordedStatus(fd int) (status syscall.WaitStatus, known bool) {
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	err := unix.IoctlPidfdInfo(fd, &info)
	return syscall.WaitStatus(info.Exit_code), err == nil && info.Mask&unix.PIDFD_INFO_EXIT != 0
}

// recordsStatus is whether the kernel does so. It does not say, but PIDFD_SELF came with
// the same release.
var recordsStatus = sync.OnceValue(func() bool {
	return unix.PidfdSendSignal(unix.PIDFD_SELF, 0, nil, 0) == nil
})

// zombieStatus is in /proc, until the zombie was waited for, for whoever may look into the
// process (ptrace(2), "access mode checking"). Others read 0 there.
func zombieStatus(pidfd *os.File) Status {
	pid, err := visiblePID(pidfd)
	if err != nil || pid <= 0 {
		return Status{}
	}
	stat, err := readStat(pid)
	allowed := err == nil && (stat.exitCode != 0 || mayLook(pid))
	if again, err := visiblePID(pidfd); err != nil || again != pid || !allowed {
		return Status{} // it may have been another's
	}
	return Status{syscall.WaitStatus(stat.exitCode), true}
}

// mayLook: who may not gets EACCES before the kernel finds that a zombie has no program.
func mayLook(pid int) bool {
	_, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return errors.Is(err, os.ErrNotExist)
}

// A stat is what counts here of /proc/PID/stat (proc_pid_stat(5)).
type stat struct {
	start    uint64 // field 22
	exitCode int    // field 52
}

func readStat(pid int) (s stat, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // from the third on: the second has any byte
	if len(fields) < 50 {
		return s, ErrGarbled
	}
	s.start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	if err == nil {
		s.exitCode, err = strconv.Atoi(string(fields[49]))
	}
	return s, err
}
