package fifo

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// Pipe makes an unnamed pipe (pipe(2)) that holds so many bytes, or 0: as many as
// the kernel likes, usually 65,536, but less for a user with many pipes. Both ends
// park in Go's poller, obey deadlines, and are closed on exec.
//
// An end that a child gets by exec.Cmd becomes blocking, as programs expect it,
// for the parent's copy too: close that, also since a reader sees no end while the
// parent holds a writer. A child in Go takes it by Inherit.
//
// Errors: those of SetCapacity; as limits, RLIMIT_NOFILE (EMFILE), file-max and
// pipe-user-pages-hard (ENFILE).
func Pipe(capacity int) (reader, writer *os.File, err error) {
	reader, writer, err = os.Pipe()
	if err != nil {
		return nil, nil, os.NewSyscallError("pipe2", pipeLimit(errnoOf(err)))
	}
	if err = errors.Join(sys.Pollable(reader), sys.Pollable(writer)); err == nil && capacity != 0 {
		_, err = SetCapacity(writer, capacity)
	}
	if err != nil {
		_, _ = reader.Close(), writer.Close()
		return nil, nil, err
	}
	return reader, writer, nil
}

// Inherit takes an end of a pipe or a FIFO that the process was started with, as
// descriptor 3 for the first of exec.Cmd's ExtraFiles, and makes it park in Go's
// poller. The descriptor belongs to the file from then on. It becomes non-blocking,
// for all processes that have this end open: for standard input and output, think
// of those who come after.
//
// Errors: ErrNotFIFO; EBADF where there is none; max_user_watches as a limit
// (ENOSPC), with which the descriptor is closed; with the others it is as it was.
func Inherit(fd uintptr, name string) (*os.File, error) {
	var stat unix.Stat_t
	err := unix.Fstat(int(fd), &stat)
	if err == nil && stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		err = ErrNotFIFO
	}
	if err == nil {
		err = unix.SetNonblock(int(fd), true)
	}
	if err != nil {
		return nil, failed("fcntl", name, err)
	}
	file := os.NewFile(fd, name)
	if err := sys.Pollable(file); err != nil {
		_ = file.Close()
		return nil, failed("fcntl", name, err)
	}
	return file, nil
}

// Capacity is how many bytes the FIFO or pipe can hold (F_GETPIPE_SZ, fcntl(2)). It
// counts in pages, each of which may hold less: only records of a whole page fill it.
func Capacity(file *os.File) (capacity int, err error) {
	err = sys.Control(file, func(fd int) (err error) {
		capacity, err = unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
		return err
	})
	return capacity, failed("fcntl", file.Name(), err)
}

// SetCapacity makes the FIFO or pipe hold at least so many bytes (F_SETPIPE_SZ), for
// all who have it open, and returns how many it holds: a power of two, a page at
// least. A FIFO forgets it with its last opener.
//
// Errors: EBUSY where it holds more than that now; EINVAL for a size that is not
// positive, or over 2 GiB; EBADF for a file of another kind; ENOMEM; os.ErrClosed. As
// limits, which bind those without CAP_SYS_RESOURCE: pipe-max-size,
// pipe-user-pages-soft and pipe-user-pages-hard (EPERM). The capacity is then as it was.
func SetCapacity(file *os.File, size int) (capacity int, err error) {
	if size <= 0 || size > math.MaxInt32 { // of which the kernel would take the lower half
		return 0, failed("fcntl", file.Name(), unix.EINVAL)
	}
	err = sys.Control(file, func(fd int) (err error) {
		capacity, err = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, size)
		return err
	})
	if err != nil {
		return 0, failed("fcntl", file.Name(), capacityLimit(err, size))
	}
	return capacity, nil
}

// Enlarge makes the FIFO or pipe hold at least so many bytes, where the kernel
// allows that, and never less than now. It returns how many it holds.
//
// Errors: those of SetCapacity that are no limits.
func Enlarge(file *os.File, size int) (capacity int, err error) {
	capacity, err = Capacity(file)
	if err != nil || capacity >= size {
		return capacity, err
	}
	larger, err := SetCapacity(file, size)
	if _, limited := errors.AsType[*ipc.LimitError](err); limited {
		return capacity, nil
	}
	return larger, err
}

// errnoOf is what package os has wrapped.
func errnoOf(err error) error {
	if wrapped, is := errors.AsType[*os.SyscallError](err); is {
		return wrapped.Err
	}
	return err
}
