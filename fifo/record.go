package fifo

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// MaxRecord is how many bytes a FIFO or a pipe takes at once, undivided (PIPE_BUF,
// pipe(7)).
const MaxRecord = 4096

// ErrFull is that there is no room for the record now. It matches EAGAIN.
var ErrFull = sys.Sentinel("the pipe is full", unix.EAGAIN)

// A RecordWriter writes records into a FIFO or a pipe, each whole or not at all:
// however many processes write, no two records mix. What keeps records apart for
// the reader is theirs: a length, a line's end, or one size for all. Any number of
// goroutines may use it at once.
type RecordWriter struct {
	file   *os.File
	raw    syscall.RawConn
	writer *sys.Direction
}

// NewRecordWriter writes to the file, which is its own from now on: one that was
// opened by this package, by os.Pipe, or by Inherit.
//
// Errors, with which the file stays the caller's: ErrNotFIFO; EBADF where it is
// open for reading alone; os.ErrNoDeadline where it is not in Go's poller, and no
// context could end a call; os.ErrClosed.
func NewRecordWriter(file *os.File) (*RecordWriter, error) {
	err := sys.Control(file, openForWriting)
	if err == nil {
		err = check(file)
	}
	if err == nil {
		err = file.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		return nil, failed("write", file.Name(), err)
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, failed("write", file.Name(), err)
	}
	return &RecordWriter{file, raw, sys.NewDirection(raw.Write, file.SetWriteDeadline)}, nil
}

// openForWriting makes sure that the descriptor is.
func openForWriting(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY {
		err = unix.EBADF
	}
	return err
}

// Write writes the record, and waits for room until ctx ends. After an error,
// nothing of it was written.
//
// Errors: os.ErrClosed; the cause of ctx's end; EPIPE where nobody reads (the
// process gets no SIGPIPE, but where Go raises it: on descriptors 1 and 2); EINVAL
// for a record without a byte, which nobody would see; as a limit, PIPE_BUF
// (EMSGSIZE) for one that is longer than MaxRecord and could be torn.
func (w *RecordWriter) Write(ctx context.Context, record []byte) error {
	if ctx.Err() != nil {
		return w.failed(context.Cause(ctx))
	}
	if err := fits(record); err != nil {
		return w.failed(err)
	}
	var err error
	waiting := w.writer.Wait(ctx, func(fd uintptr) bool {
		err = write(int(fd), record)
		return !errors.Is(err, unix.EAGAIN)
	})
	if waiting != nil {
		err = waiting
	}
	return w.failed(err)
}

// TryWrite is Write without waiting: ErrFull.
func (w *RecordWriter) TryWrite(record []byte) error {
	if err := fits(record); err != nil {
		return w.failed(err)
	}
	err := os.ErrClosed // the runtime's own error does not match it
	_ = w.raw.Control(func(fd uintptr) { err = write(int(fd), record) })
	if errors.Is(err, unix.EAGAIN) {
		err = ErrFull
	}
	return w.failed(err)
}

// SyscallConn lends the descriptor, as to a poll or an epoll: it is writable when
// any record has room. It is non-blocking and must stay so.
func (w *RecordWriter) SyscallConn() (syscall.RawConn, error) { return w.file.SyscallConn() }

// Close closes the file. Calls that wait return, and their errors and those of
// later calls match os.ErrClosed.
func (w *RecordWriter) Close() error {
	err := w.file.Close()
	w.writer.Disarm()
	return err
}

func (w *RecordWriter) failed(err error) error { return failed("write", w.file.Name(), err) }

func fits(record []byte) error {
	switch {
	case len(record) == 0:
		return unix.EINVAL
	case len(record) > MaxRecord:
		return &ipc.LimitError{Limit: "PIPE_BUF", Max: MaxRecord, Raise: "it is fixed", Err: unix.EMSGSIZE}
	}
	return nil
}

// write is one write(2): of so few bytes, the kernel takes all or says EAGAIN.
func write(fd int, record []byte) error {
	return sys.Again(func() error {
		n, err := unix.Write(fd, record)
		if err == nil && n != len(record) {
			return io.ErrShortWrite
		}
		return err
	})
}
