package proc

import (
	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrNoProcess is a PID that no process has, as this one sees it: it has ended and was
// waited for, never was, or is in a PID namespace that cannot be seen from here. It
// matches ESRCH.
var ErrNoProcess = sys.Sentinel("no process has this PID here", unix.ESRCH)

// ErrThread is the number of a thread, or a pidfd of one, where a process was asked for.
// It matches EINVAL.
var ErrThread = sys.Sentinel("this is a thread, not a process", unix.EINVAL)

// ErrReused is a PID that another process has by now. It matches ESRCH.
var ErrReused = sys.Sentinel("the process has ended, and another has its PID", unix.ESRCH)

// ErrNotPidfd is a file that is no pidfd. It matches EBADF.
var ErrNotPidfd = sys.Sentinel("not a pidfd", unix.EBADF)

// ErrNotCgroup is a directory that is no control group that can be watched: of another
// file system, the root of version 2, or, of version 1, in a hierarchy without the memory
// controller.
var ErrNotCgroup = sys.Sentinel("not a control group that can be watched: of version 2 and not its root, or of the memory controller of version 1")

// ErrGarbled is a file of the kernel's that does not say what its man page has it say. It
// matches EBADMSG.
var ErrGarbled = sys.Sentinel("the file is not as the kernel writes it", unix.EBADMSG)
