package sem

import (
	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// The errors that are this package's own.
var (
	// ErrBusy is a Try, or an operation with NoWait, that would have to wait. It
	// matches EAGAIN.
	ErrBusy = sys.Sentinel("would have to wait", unix.EAGAIN)

	// ErrRemoved is a Do that waited while the set was removed. It matches EIDRM.
	ErrRemoved = sys.Sentinel("the set was removed", unix.EIDRM)

	// ErrUnfinished is a set whose creator has done no operation on it: it still
	// prepares the set, or died before, or is a program that does not take this
	// care. See OpenSet.
	ErrUnfinished = sys.Sentinel("the set's creator has not finished it")

	// ErrNotSemaphore is a file or memory that holds no semaphore of glibc's which
	// processes can share. It matches EINVAL.
	ErrNotSemaphore = sys.Sentinel("not a semaphore that processes share", unix.EINVAL)

	// ErrGone is a semaphore whose file was truncated by another process, or whose
	// file system has no room for it; or memory for At and Init that is no longer
	// mapped, or not to be written. It matches EFAULT.
	ErrGone = sys.Sentinel("the semaphore's memory is gone, as by truncating its file, or is read-only", unix.EFAULT)
)
