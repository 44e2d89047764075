package object

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/ipc"
	"kith/sem"
)

// A sysvSemaphores is sysvsem:NAME?values=1,0,5&mode=MODE, or with count=3 for as
// many that are 0.
type sysvSemaphores struct {
	sysvName
	values []int
	mode   fs.FileMode
}

const (
	mostSemaphores = 65535 // that an operation can number
	largestValue   = 32767 // SEMVMX
)

func newSysVSemaphores(a *driver.Address) (Object, error) {
	name, err := parseSysV(a)
	if err != nil {
		return nil, err
	}
	s := &sysvSemaphores{name, numbers(a, "values", 0, largestValue), mode(a)}
	count := number(a, "count", 0, 1, mostSemaphores)
	if count > 0 && s.values != nil {
		return nil, fmt.Errorf("%w: values= says how many, so there is no count= beside it", driver.ErrAddress)
	}
	if count > 0 {
		s.values = make([]int, count)
	}
	return s, nil
}

func (s *sysvSemaphores) Make(context.Context) error {
	if s.values == nil {
		return lacking("values=1,0,5, or ?count=NUMBER for as many that are 0")
	}
	if err := s.mayMake(); err != nil {
		return err
	}
	set, err := sem.CreateSet(s.key, s.mode, s.values...)
	if err != nil {
		return err
	}
	s.made(set.ID())
	return nil
}

// set takes a set as it is: one that its creator has not finished, too.
func (s *sysvSemaphores) set() (*sem.Set, error) {
	id, err := s.find(func(key ipc.Key) (int, error) {
		set, err := sem.FindSet(key)
		if err != nil {
			return -1, err
		}
		return set.ID(), nil
	})
	return sem.SetByID(id), err
}

func (s *sysvSemaphores) Remove() error {
	set, err := s.set()
	if err != nil {
		return err
	}
	return set.Remove()
}

func (s *sysvSemaphores) Stat() (Stat, error) {
	set, err := s.set()
	if err != nil {
		return nil, err
	}
	stat, err := set.Stat()
	if err != nil {
		return nil, err
	}
	values, err := set.Values()
	if err != nil {
		return nil, err
	}
	return s.stat(set.ID(), stat.Perm).
		with("semaphores", stat.Number).with("values", values).with("largest_value", largestValue).
		with("operation_time", stat.Operation).with("change_time", stat.Change), nil
}

func (s *sysvSemaphores) Values() ([]Semaphore, error) {
	set, err := s.set()
	if err != nil {
		return nil, err
	}
	values, err := set.Values()
	if err != nil {
		return nil, err
	}
	all := make([]Semaphore, len(values))
	for i, value := range values {
		one := Semaphore{Index: i, Value: value}
		if one.Waiting, one.WaitingZero, err = set.Waiters(i); err != nil {
			return nil, err
		}
		if one.LastPID, err = set.LastPID(i); err != nil {
			return nil, err
		}
		all[i] = one
	}
	return all, nil
}

func (s *sysvSemaphores) Do(ctx context.Context, ops ...sem.Op) error {
	set, err := s.set()
	if err != nil {
		return err
	}
	return firstTry(ctx, sem.ErrBusy, func() error { return set.TryDo(ops...) }, func() error { return set.Do(ctx, ops...) })
}

func (s *sysvSemaphores) SetValue(index, value int) error {
	set, err := s.set()
	if err != nil {
		return err
	}
	err = set.SetValue(index, value)
	if stat, there := set.Stat(); errors.Is(err, unix.EINVAL) && there == nil && index >= stat.Number {
		return os.NewSyscallError("semctl", unix.EFBIG) // as semop(2) says it
	}
	return err
}
