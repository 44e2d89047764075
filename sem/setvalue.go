package sem

import (
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Value is the value of one semaphore, counted from 0. As with all that is only
// read, it may have changed by the time that the caller looks at it.
//
// Errors of this and the methods below, in a *os.SyscallError: EINVAL for an
// index that is not in the set, or a set that is not there; EIDRM if it is
// removed at this moment; EACCES without permission to read, or to write where a
// value is set.
func (s *Set) Value(index int) (int, error) { return s.control(index, sys.SemGetValue, 0) }

// Values is all values, at one moment.
func (s *Set) Values() ([]int, error) {
	stat, err := sys.SemStatOf(s.id)
	if err != nil {
		return nil, os.NewSyscallError("semctl", err)
	}
	raw := all(stat.Number())
	if err := sys.SemControlAll(s.id, sys.SemGetAll, raw); err != nil {
		return nil, os.NewSyscallError("semctl", err)
	}
	values := make([]int, stat.Number())
	for i := range values {
		values[i] = int(raw[i])
	}
	return values, nil
}

// SetValue sets one value, and wakes whoever can go on with it. What processes
// would undo of that semaphore is forgotten. A value below 0 or above 32,767 is an
// ipc.LimitError (SEMVMX, ERANGE).
func (s *Set) SetValue(index, value int) error {
	if err := checkValues([]int{value}); err != nil {
		return os.NewSyscallError("semctl", err)
	}
	release()
	_, err := s.control(index, sys.SemSetValue, value)
	return err
}

// SetValues is SetValue for all of them at one moment: there must be as many as
// the set has, or the error is EINVAL.
func (s *Set) SetValues(values ...int) error {
	if err := checkValues(values); err != nil {
		return os.NewSyscallError("semctl", err)
	}
	stat, err := sys.SemStatAny(s.id)
	if err == nil && stat.Number() != len(values) {
		err = unix.EINVAL
	}
	if err != nil {
		return os.NewSyscallError("semctl", err)
	}
	raw := all(len(values))
	for i, value := range values {
		raw[i] = uint16(value)
	}
	release()
	return os.NewSyscallError("semctl", sys.SemControlAll(s.id, sys.SemSetAll, raw))
}

// all has room for the values of any set: the kernel goes by the size of the set
// that has the identifier then, which could be another one already.
func all(number int) []uint16 {
	return make([]uint16, max(number, int(min(sys.Setting(limitFile, semmsl), 1<<16))))
}

// Waiters is how many calls wait for one semaphore to increase, and how many for
// it to become 0, in all processes.
func (s *Set) Waiters(index int) (increase, zero int, err error) {
	if increase, err = s.control(index, sys.SemGetNCnt, 0); err == nil {
		zero, err = s.control(index, sys.SemGetZCnt, 0)
	}
	return increase, zero, err
}

// LastPID is the process that last did an operation on one semaphore or set its
// value: 0 if none, or if it is in a PID namespace that cannot be seen from here.
func (s *Set) LastPID(index int) (int, error) { return s.control(index, sys.SemGetPID, 0) }

func (s *Set) control(index, command, argument int) (int, error) {
	result, err := sys.SemControl(s.id, index, command, argument)
	return result, os.NewSyscallError("semctl", err)
}
