package sem

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// A Set is a set of System V semaphores (sysvipc(7)): values from 0 to 32,767
// that the kernel keeps, of which several can be changed at once. It lives until
// Remove, or the end of the machine, however its users end. A Set is a number,
// and holds nothing open: there is no Close. Any number of goroutines may use it
// at once.
type Set struct{ id int }

// CreateSet makes a set with the values, as many as it is to have. A key that is
// taken is EEXIST; ipc.Private makes one that no key finds. Of the mode count the
// permissions to read and to write (0666); there is no umask. It must let the
// creator write.
//
// Nobody who opens the set by OpenSet meets it before it has its values. The
// way is the classical one, which C programs know too: the set's first operation
// (sem_otime) is the sign that it is ready.
//
// Errors, in a *os.PathError with the key: EEXIST; EINVAL without a value;
// EACCES; an ipc.LimitError for SEMVMX (ERANGE), SEMMSL (EINVAL), SEMMNI and
// SEMMNS (ENOSPC); ENOMEM.
func CreateSet(key ipc.Key, mode fs.FileMode, values ...int) (*Set, error) {
	if err := checkValues(values); err != nil {
		return nil, keyError(key, err)
	}
	id, err := sys.Semget(int32(key), len(values), unix.IPC_CREAT|unix.IPC_EXCL|int(mode.Perm()))
	if err != nil {
		return nil, keyError(key, createLimit(err, len(values)))
	}
	s := &Set{id: id}
	if err := s.initialize(values); err != nil {
		_ = s.Remove()
		return nil, keyError(key, err)
	}
	return s, nil
}

// initialize sets the values, and the first of them by an operation.
func (s *Set) initialize(values []int) error {
	without := append([]int{0}, values[1:]...)
	if err := s.SetValues(without...); err != nil {
		return err
	}
	if values[0] == 0 { // to wait for zero, one needs to read
		return s.TryDo(Op{Change: 1}, Op{Change: -1})
	}
	return s.TryDo(Op{Change: int16(values[0])})
}

// OpenSet finds the set with the key, and waits until its creator has given it
// its values. There is no event for that: it looks again and again, at most
// every 10 ms.
//
// If ctx ends first, the error matches both ctx's cause and ErrUnfinished. Then
// either the creator died half-way: FindSet finds the set, and Remove removes
// it, so that it can be created anew. Or the creator is a program that does no
// first operation, as some in C and Python: then FindSet is the way to open it.
//
// Other errors, in a *os.PathError with the key: ENOENT; EIDRM if the set was
// removed meanwhile.
func OpenSet(ctx context.Context, key ipc.Key) (*Set, error) {
	s, err := FindSet(key)
	if err != nil {
		return nil, err
	}
	if err := s.finished(ctx); err != nil {
		return nil, keyError(key, err)
	}
	return s, nil
}

// OpenOrCreateSet opens the set with the key as OpenSet does, or makes it as
// CreateSet does: of several at once, one makes it, and all find it with its
// values. One that is there may have other values, and another number of them.
func OpenOrCreateSet(ctx context.Context, key ipc.Key, mode fs.FileMode, values ...int) (s *Set, err error) {
	for range attempts {
		s, err = OpenSet(ctx, key)
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EIDRM) {
			return s, err
		}
		s, err = CreateSet(key, mode, values...)
		if !errors.Is(err, unix.EEXIST) {
			return s, err
		}
	}
	return nil, err
}

// finished waits for the set's first operation.
func (s *Set) finished(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		stat, err := sys.SemStatAny(s.id)
		if errors.Is(err, unix.EINVAL) {
			return ErrRemoved // it was there before
		}
		if err != nil || stat.OperationTime() != 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ErrUnfinished, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

const (
	firstPause = 100 * time.Microsecond
	lastPause  = 10 * time.Millisecond
)

// FindSet finds the set with the key, as it is: perhaps before its creator has
// given it its values. The errors are those of OpenSet.
func FindSet(key ipc.Key) (*Set, error) {
	if key == ipc.Private {
		return nil, keyError(key, unix.ENOENT) // semget(2) would make one
	}
	id, err := sys.Semget(int32(key), 0, 0)
	if err != nil {
		return nil, keyError(key, err)
	}
	return &Set{id: id}, nil
}

// SetByID is the set with the identifier, as ID tells it or ipcs(1) lists it.
// Whether there is one, its first use says (EINVAL).
func SetByID(id int) *Set {
	if id != int(int32(id)) {
		id = -1 // nobody's: the kernel would cut it down to that of another set
	}
	return &Set{id: id}
}

// ID is the set's identifier, by which other processes can use it too.
func (s *Set) ID() int { return s.id }

func keyError(key ipc.Key, err error) error {
	return &os.PathError{Op: "semget", Path: key.String(), Err: err}
}
