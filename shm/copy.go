package shm

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrTruncated is memory that is no longer behind a segment, because another
// process has truncated the file; or that never was, because the file has holes
// and its file system is full, or its disk fails. It comes in a FaultError.
var ErrTruncated = errors.New("the memory is gone: its file was truncated, or is full of holes that cannot be filled")

// A FaultError is a copy that met memory which cannot be had, where plain
// access would end the process with SIGBUS (mmap(2)).
type FaultError struct {
	Offset int64 // of a byte that cannot be had, from the start of the segment; not always the first
}

func (e *FaultError) Error() string { return fmt.Sprintf("at byte %d: %v", e.Offset, ErrTruncated) }

// Unwrap is ErrTruncated.
func (e *FaultError) Unwrap() error { return ErrTruncated }

// ReadAt copies from the segment at an offset in bytes (io.ReaderAt). At the
// end of the segment it returns what there is, and io.EOF. A *FaultError says
// that memory is gone: then nothing in p counts. A file that was truncated
// loses whole pages: the rest of its last page reads as zeros, with no error.
func (s *Segment) ReadAt(p []byte, offset int64) (int, error) {
	if !s.gate.enter() {
		return 0, s.failed("read", os.ErrClosed)
	}
	defer s.gate.leave()
	if offset < 0 {
		return 0, s.failed("read", s.outside(p, offset))
	}
	if len(p) == 0 {
		return 0, nil
	}
	if offset >= s.Size() {
		return 0, io.EOF
	}
	part := s.memory[offset:]
	n := min(len(p), len(part))
	if err := sys.Copy(p[:n], part[:n], s.mapping); err != nil {
		return 0, s.failed("read", s.fault(err))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt copies to the segment at an offset in bytes (io.WriterAt). What does
// not fit is not begun: the error matches EINVAL. So is nothing in a segment
// that is read-only: EBADF. A *FaultError says that memory is gone: then some
// of p may have been written.
func (s *Segment) WriteAt(p []byte, offset int64) (int, error) {
	if !s.gate.enter() {
		return 0, s.failed("write", os.ErrClosed)
	}
	defer s.gate.leave()
	if s.access != ReadWrite {
		return 0, s.failed("write", unix.EBADF)
	}
	if offset < 0 || offset > s.Size()-int64(len(p)) {
		return 0, s.failed("write", s.outside(p, offset))
	}
	if err := sys.Copy(s.memory[offset:], p, s.mapping); err != nil {
		return 0, s.failed("write", s.fault(err))
	}
	return len(p), nil
}

func (s *Segment) outside(p []byte, offset int64) error {
	return fmt.Errorf("%d bytes at %d are outside of %d bytes: %w", len(p), offset, len(s.memory), unix.EINVAL)
}

// fault counts from the start of the memory, not of its first page.
func (s *Segment) fault(err error) error {
	var fault *sys.Fault
	if !errors.As(err, &fault) {
		return err
	}
	return &FaultError{Offset: max(0, int64(fault.Offset-s.start))}
}
