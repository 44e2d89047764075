package sem

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// The limits of System V semaphores that cannot be raised (semop(2), semctl(2)).
const (
	largestValue = 32767 // SEMVMX
	largestUndo  = 32767 // SEMAEM
)

// limitFile has the four that can be, in this order (proc(5)).
const limitFile = "/proc/sys/kernel/sem"

const (
	semmsl = iota
	semmns
	semopm
	semmni
)

var limitNames = [...]string{"SEMMSL", "SEMMNS", "SEMOPM", "SEMMNI"}

// raisable is the error of a limit that limitFile has.
func raisable(field int, err error) error {
	return &ipc.LimitError{
		Limit: limitNames[field],
		Max:   sys.Setting(limitFile, field),
		Raise: limitFile + ", field " + strconv.Itoa(field+1),
		Err:   err,
	}
}

func fixed(name string, most int64, err error) error {
	return &ipc.LimitError{Limit: name, Max: most, Raise: "it cannot be raised", Err: err}
}

func checkValues(values []int) error {
	for _, value := range values {
		if value < 0 || value > largestValue {
			return fixed("SEMVMX", largestValue, unix.ERANGE)
		}
	}
	return nil
}

// createLimit says which limit kept semget(2) from making a set.
func createLimit(err error, number int) error {
	switch {
	case errors.Is(err, unix.EINVAL) && number > 0:
		return raisable(semmsl, err)
	case errors.Is(err, unix.ENOSPC):
		_, semaphores, usage := sys.SemUsage()
		if usage == nil && int64(semaphores+number) > sys.Setting(limitFile, semmns) {
			return raisable(semmns, err)
		}
		return raisable(semmni, err)
	}
	return err
}

// operationLimit says which limit semop(2) met.
func (s *Set) operationLimit(err error, ops []Op) error {
	switch {
	case errors.Is(err, unix.E2BIG):
		return raisable(semopm, err)
	case errors.Is(err, unix.ERANGE) && s.undoExceeded(ops):
		return fixed("SEMAEM", largestUndo, err)
	case errors.Is(err, unix.ERANGE):
		return fixed("SEMVMX", largestValue, err)
	}
	return err
}

// undoExceeded reports whether it was the sum of what is to be undone: one of
// the operations adds to that, and none makes a value too large. The values may
// have changed since.
func (s *Set) undoExceeded(ops []Op) bool {
	undoes := false
	values, err := s.Values()
	for _, op := range ops {
		undoes = undoes || op.Flags&Undo != 0
		if int(op.Index) >= len(values) {
			continue
		}
		if values[op.Index] += int(op.Change); values[op.Index] > largestValue {
			return false
		}
	}
	return undoes && err == nil
}
