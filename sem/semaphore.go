package sem

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// A Semaphore is a POSIX semaphore (sem_overview(7)) in the layout of glibc: a
// word in memory that processes share. Any number of goroutines may use it at
// once, and any number of processes, in whatever language.
//
// There is no undo: the value that a process took and did not give back before
// it died is lost, and whoever waits for it waits until their context ends. A
// process that dies waiting leaves the number of waiters too high for ever, which
// costs each later Post a system call and harms nobody.
type Semaphore struct {
	data *atomic.Uint64
	word *atomic.Uint32 // data's low half

	memory []byte // the Size bytes
	path   string // or empty: it has no name

	open   context.Context // until Close
	close  context.CancelFunc
	closed atomic.Bool // what open says, but cheaper
}

// Wait takes one of the value, and waits until there is one or ctx ends
// (sem_wait(3)). If there is one as ctx ends, it may be taken, and the error is
// nil. While there is one at once, Wait makes no system call.
//
// Errors: ctx's cause, and nothing was taken; os.ErrClosed; ErrGone; an
// ipc.LimitError where too many wait. Signals do not interrupt it (EINTR).
func (s *Semaphore) Wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return s.failed("sem_wait", context.Cause(ctx))
	}
	took, err := s.take()
	if !took && err == nil {
		err = s.wait(ctx)
	}
	if err != nil {
		return s.failed("sem_wait", err)
	}
	return nil
}

// TryWait is Wait without waiting: the error matches ErrBusy, and EAGAIN, where
// the value is 0.
func (s *Semaphore) TryWait() error {
	took, err := s.take()
	if !took && err == nil {
		err = ErrBusy
	}
	if err != nil {
		return s.failed("sem_trywait", err)
	}
	return nil
}

// take takes one if there is one.
func (s *Semaphore) take() (took bool, err error) {
	defer s.leave(debug.SetPanicOnFault(true), &err)
	if s.closed.Load() {
		return false, os.ErrClosed
	}
	for data := s.data.Load(); valueOf(data) != 0; data = s.data.Load() {
		if s.data.CompareAndSwap(data, data-1) {
			acquire()
			return true, nil
		}
	}
	return false, nil
}

// Post gives one back, and wakes one of those who wait (sem_post(3)). While nobody
// waits it makes no system call.
//
// Errors: an ipc.LimitError for SEM_VALUE_MAX (EOVERFLOW); os.ErrClosed; ErrGone.
func (s *Semaphore) Post() error {
	if err := s.post(); err != nil {
		return s.failed("sem_post", err)
	}
	return nil
}

func (s *Semaphore) post() (err error) {
	defer s.leave(debug.SetPanicOnFault(true), &err)
	if s.closed.Load() {
		return os.ErrClosed
	}
	release()
	for {
		data := s.data.Load()
		if valueOf(data) >= MaxValue {
			return &ipc.LimitError{Limit: "SEM_VALUE_MAX", Max: MaxValue, Raise: "it cannot be raised", Err: unix.EOVERFLOW}
		}
		if !s.data.CompareAndSwap(data, data+1) {
			continue
		}
		if waitersOf(data) > 0 {
			_, err = sys.FutexWake(s.word, 1)
		}
		return err
	}
}

// Value is the value at this moment (sem_getvalue(3)). Errors of this and Waiters:
// os.ErrClosed; ErrGone.
func (s *Semaphore) Value() (int, error) {
	data, err := s.load()
	return valueOf(data), err
}

// Waiters is how many wait at this moment, in all processes, or died waiting.
func (s *Semaphore) Waiters() (int, error) {
	data, err := s.load()
	return waitersOf(data), err
}

func (s *Semaphore) load() (uint64, error) {
	if s.closed.Load() {
		return 0, s.failed("sem_getvalue", os.ErrClosed)
	}
	data, err := s.look()
	if err != nil {
		return 0, s.failed("sem_getvalue", err)
	}
	return data, nil
}

func (s *Semaphore) look() (data uint64, err error) {
	defer s.leave(debug.SetPanicOnFault(true), &err)
	return s.data.Load(), nil
}

// Close ends this use of the semaphore: calls that wait here return os.ErrClosed,
// and so do later ones. The semaphore itself stays, and other processes' use of
// it; see Unlink. The memory that Open mapped is given back when the Semaphore is
// garbage, as a call may be under way still.
func (s *Semaphore) Close() error {
	if s.closed.Swap(true) {
		return s.failed("sem_close", os.ErrClosed)
	}
	s.close()
	return nil
}

func (s *Semaphore) failed(op string, err error) error {
	if s.path == "" {
		return os.NewSyscallError(op, err)
	}
	return &os.PathError{Op: op, Path: s.path, Err: err}
}

// leave, deferred, ends what touched the memory. A page that could not be had is
// an error then, where it would have been the end of the process; other panics go
// on. And as long as it is still to run, s is in use, and its memory mapped.
func (s *Semaphore) leave(before bool, err *error) {
	debug.SetPanicOnFault(before)
	reason := recover()
	if reason != nil && !sys.Faulted(s.memory, reason) {
		panic(reason)
	}
	if reason != nil || *err != nil && errors.Is(*err, unix.EFAULT) { // as the futex sees it
		*err = ErrGone
	}
}
