package sem

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Init makes a semaphore at the start of memory that processes share (sem_init(3)
// with pshared): Size bytes, mapped to read and to write, at an address that is a multiple of 8. Nobody may use
// a semaphore there already. Another process opens it by At.
//
// The memory must stay mapped as long as the Semaphore is in use, Close or not: if
// something unmaps it when it is garbage, keep that.
//
// Errors, in a *os.SyscallError: EINVAL for a value below 0 or above MaxValue,
// and for memory that is too small or not aligned; ErrGone; errors.ErrUnsupported
// on machines of 32 bits, where glibc has another layout.
func Init(memory []byte, value int) (*Semaphore, error) {
	s, err := in(memory)
	if err == nil {
		err = s.initialize(value)
	}
	if err != nil {
		return nil, os.NewSyscallError("sem_init", err)
	}
	return s, nil
}

// At is the semaphore that Init made in the memory, or sem_init(3) with pshared.
// Memory and errors are as for Init, and ErrNotSemaphore is memory without a
// semaphore that processes share.
func At(memory []byte) (*Semaphore, error) {
	s, err := in(memory)
	if err == nil {
		err = s.verify()
	}
	if err != nil {
		return nil, os.NewSyscallError("sem_init", err)
	}
	return s, nil
}

// in takes the start of memory for a semaphore.
func in(memory []byte) (*Semaphore, error) {
	if strconv.IntSize < 64 {
		return nil, errors.ErrUnsupported
	}
	if len(memory) < Size {
		return nil, unix.EINVAL
	}
	data, err := sys.Word64(memory, offsetData)
	if err != nil {
		return nil, err
	}
	word, err := sys.Word32(memory, offsetValue)
	if err != nil {
		return nil, err
	}
	s := &Semaphore{data: data, word: word, memory: memory[:Size:Size]}
	s.open, s.close = context.WithCancel(context.Background())
	return s, nil
}

func (s *Semaphore) initialize(value int) (err error) {
	defer s.leave(debug.SetPanicOnFault(true), &err)
	start, err := image(value)
	if err != nil {
		return err
	}
	copy(s.memory, start)
	return nil
}

// image is a new semaphore's bytes.
func image(value int) ([]byte, error) {
	if value < 0 || value > MaxValue {
		return nil, unix.EINVAL
	}
	bytes := make([]byte, Size)
	binary.NativeEndian.PutUint64(bytes[offsetData:], uint64(value))
	binary.NativeEndian.PutUint32(bytes[offsetPrivate:], shared)
	return bytes, nil
}

func (s *Semaphore) verify() (err error) {
	defer s.leave(debug.SetPanicOnFault(true), &err)
	if binary.NativeEndian.Uint32(s.memory[offsetPrivate:]) != shared {
		return ErrNotSemaphore
	}
	s.memory[Size-1] = 0 // of those unused: the memory is not only to read
	return nil
}
