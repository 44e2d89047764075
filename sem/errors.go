package sem

import "golang.org/x/sys/unix"

// A sentinel is an error of this package that matches the kernel's word for it.
type sentinel struct {
	text  string
	errno unix.Errno
}

func (s *sentinel) Error() string { return s.text }

// Unwrap makes errors.Is see the errno.
func (s *sentinel) Unwrap() error { return s.errno }

// The errors that are this package's own.
var (
	// ErrBusy is a Try, or an operation with NoWait, that would have to wait. It
	// matches EAGAIN.
	ErrBusy error = &sentinel{"would have to wait", unix.EAGAIN}

	// ErrRemoved is a Do that waited while the set was removed. It matches EIDRM.
	ErrRemoved error = &sentinel{"the set was removed", unix.EIDRM}

	// ErrUnfinished is a set whose creator has done no operation on it: it still
	// prepares the set, or died before, or is a program that does not take this
	// care. It matches ENODATA. See OpenSet.
	ErrUnfinished error = &sentinel{"the set's creator has not finished it", unix.ENODATA}

	// ErrNotSemaphore is a file or memory that holds no semaphore of glibc's which
	// processes can share. It matches EINVAL.
	ErrNotSemaphore error = &sentinel{"not a semaphore that processes share", unix.EINVAL}

	// ErrGone is a semaphore whose file was truncated by another process. It
	// matches EFAULT.
	ErrGone error = &sentinel{"the semaphore's memory is gone: its file was truncated", unix.EFAULT}
)
