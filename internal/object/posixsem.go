package object

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/sem"
)

// A posixSemaphore is posixsem:NAME?value=1&mode=MODE.
type posixSemaphore struct {
	name  string
	value int
	mode  fs.FileMode
}

func newPOSIXSemaphore(a *driver.Address) (Object, error) {
	name, err := posixName(a, unix.NAME_MAX-len(semaphorePrefix))
	return &posixSemaphore{name, number(a, "value", -1, 0, sem.MaxValue), mode(a)}, err
}

func (s *posixSemaphore) Address() string {
	return driver.Address{Scheme: "posixsem", Name: s.name}.String()
}

func (s *posixSemaphore) Make(context.Context) error {
	if s.value < 0 {
		return lacking("value=NUMBER, which is 1 for a lock")
	}
	semaphore, err := sem.Create(s.name, s.value, s.mode)
	if err != nil {
		return err
	}
	return semaphore.Close()
}

func (s *posixSemaphore) Remove() error { return sem.Unlink(s.name) }

// Stat leaves the value out where we may not open the semaphore.
func (s *posixSemaphore) Stat() (Stat, error) {
	path, err := sem.Path(s.name)
	if err != nil {
		return nil, err
	}
	stat, err := stat(s.Address(), path, 0, sem.ErrNotSemaphore)
	if err != nil {
		return nil, err
	}
	values, err := s.Values()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return stat, nil
	case err != nil:
		return nil, err
	}
	return stat.with("value", values[0].Value).with("waiting", values[0].Waiting).with("largest_value", sem.MaxValue), nil
}

func (s *posixSemaphore) Values() ([]Semaphore, error) {
	semaphore, err := sem.Open(s.name)
	if err != nil {
		return nil, err
	}
	defer semaphore.Close()
	value, err := semaphore.Value()
	if err != nil {
		return nil, err
	}
	waiters, err := semaphore.Waiters()
	return []Semaphore{{Value: value, Waiting: waiters}}, err
}

// ErrOneAtATime is an operation that only System V semaphores have.
var ErrOneAtATime = errors.New("a POSIX semaphore can be waited for and posted, by one; the rest have System V semaphores")

func (s *posixSemaphore) Do(ctx context.Context, ops ...sem.Op) error {
	if len(ops) != 1 || ops[0].Index != 0 || ops[0].Change*ops[0].Change != 1 {
		return ErrOneAtATime
	}
	semaphore, err := sem.Open(s.name)
	if err != nil {
		return err
	}
	defer semaphore.Close()
	if ops[0].Change > 0 {
		return semaphore.Post()
	}
	return take(ctx, semaphore)
}

func take(ctx context.Context, s *sem.Semaphore) error {
	return firstTry(ctx, sem.ErrBusy, s.TryWait, func() error { return s.Wait(ctx) })
}

func (s *posixSemaphore) Hold(ctx context.Context) (giveBack func() error, err error) {
	semaphore, err := sem.Open(s.name)
	if err != nil {
		return nil, err
	}
	if err := take(ctx, semaphore); err != nil {
		_ = semaphore.Close()
		return nil, err
	}
	return func() error { return errors.Join(semaphore.Post(), semaphore.Close()) }, nil
}
