package sem

import (
	"context"
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// An Op is one operation on one semaphore of a set (semop(2), struct sembuf).
type Op struct {
	Index  uint16 // which semaphore, from 0
	Change int16  // above 0: add. Below 0: wait until the value is as large, and subtract. 0: wait until it is 0
	Flags  Flag
}

// A Flag says more of an Op. They can be combined by |.
type Flag int16

const (
	// Undo takes the change back when this process ends, however it does
	// (SEM_UNDO). It belongs to the process, not to a goroutine: all of a process's
	// changes to a semaphore are added up, and taken back together. Setting a value
	// forgets them, for all processes.
	Undo Flag = 0x1000

	// NoWait makes the whole Do fail with ErrBusy where this operation would have
	// to wait (IPC_NOWAIT).
	NoWait Flag = unix.IPC_NOWAIT
)

// Do does all the operations at once, or none of them: it waits, until ctx ends,
// for a moment in which each can be done, in their order. If that comes as ctx
// ends, they may be done, and the error is nil.
//
// Errors, in a *os.SyscallError: ctx's cause, and nothing was done; ErrBusy
// (EAGAIN) if an operation with NoWait is in the way; ErrRemoved (EIDRM) if the
// set was removed while Do waited, EINVAL if before; EFBIG for an Index that is
// not in the set; EACCES without permission to write, or to read where all wait
// for zero; EINVAL without an operation; ENOMEM; an ipc.LimitError for SEMVMX or
// SEMAEM (ERANGE), SEMOPM (E2BIG), and where too many wait.
func (s *Set) Do(ctx context.Context, ops ...Op) error {
	if ctx.Err() != nil {
		return os.NewSyscallError("semop", context.Cause(ctx))
	}
	err := s.now(ops)
	if err == nil {
		return nil
	}
	if err == unix.EAGAIN { //nolint:errorlint // a bare errno, on the way to a wait
		return os.NewSyscallError("semop", s.wait(ctx, ops))
	}
	return os.NewSyscallError("semop", s.meaning(err, ops))
}

// TryDo is Do without waiting: the error matches ErrBusy, and EAGAIN, where Do
// would wait.
func (s *Set) TryDo(ops ...Op) error {
	if err := s.now(ops); err != nil {
		return os.NewSyscallError("semop", s.meaning(err, ops))
	}
	return nil
}

// now does the operations, each of them without waiting. It allocates nothing for
// a few.
func (s *Set) now(ops []Op) error {
	var room [8]sys.SemOp
	release()
	err := sys.SemopNow(s.id, appendOps(room[:0], ops, NoWait))
	acquire()
	return err
}

// wait does the operations with their own flags, in a thread that may wait.
func (s *Set) wait(ctx context.Context, ops []Op) error {
	asked, own := slices.Clone(ops), appendOps(nil, ops, 0) // Do's own stay on its stack
	err := sys.Block(ctx, func() error { return s.meaning(sys.Semop(s.id, own), asked) }, nil)
	acquire()
	return err
}

func appendOps(to []sys.SemOp, ops []Op, more Flag) []sys.SemOp {
	for _, op := range ops {
		to = append(to, sys.SemOp{Index: op.Index, Change: op.Change, Flags: int16(op.Flags | more)})
	}
	return to
}

// meaning is what the kernel's word for it says. It never sees ctx's cause,
// which may be an errno too.
func (s *Set) meaning(err error, ops []Op) error {
	switch {
	case errors.Is(err, unix.EAGAIN):
		return ErrBusy
	case errors.Is(err, unix.EIDRM):
		return ErrRemoved
	}
	return s.operationLimit(err, ops)
}
