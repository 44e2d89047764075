package sys

import (
	"errors"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A SemOp is the kernel's struct sembuf, semop(2).
type SemOp struct {
	Index  uint16
	Change int16
	Flags  int16
}

// What semctl(2) does, as in the kernel's linux/sem.h.
const (
	SemGetPID   = 11
	SemGetValue = 12
	SemGetAll   = 13
	SemGetNCnt  = 14
	SemGetZCnt  = 15
	SemSetValue = 16
	SemSetAll   = 17

	semInfo    = 19
	semStatAny = 20
)

// Semget finds or makes a System V set, semget(2). On machines of 32 bits, whose
// layouts differ, it is errors.ErrUnsupported.
func Semget(key int32, number, flags int) (int, error) {
	if strconv.IntSize < 64 {
		return 0, errors.ErrUnsupported
	}
	id, _, errno := unix.Syscall(unix.SYS_SEMGET, uintptr(key), uintptr(number), uintptr(flags))
	return int(id), failed(errno)
}

// Semop does the operations all at once, and waits until it can, semop(2).
func Semop(id int, ops []SemOp) error {
	_, _, errno := unix.Syscall6(semtimedop, uintptr(id), uintptr(unsafe.Pointer(unsafe.SliceData(ops))), uintptr(len(ops)), 0, 0, 0)
	return failed(errno)
}

// SemopNow is Semop for operations of which each has IPC_NOWAIT: it cannot block,
// so the scheduler is not told of the call.
func SemopNow(id int, ops []SemOp) error {
	_, _, errno := unix.RawSyscall6(semtimedop, uintptr(id), uintptr(unsafe.Pointer(unsafe.SliceData(ops))), uintptr(len(ops)), 0, 0, 0)
	return failed(errno)
}

// SemControl is semctl(2) with a number, or none.
func SemControl(id, index, command, argument int) (int, error) {
	result, _, errno := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), uintptr(index), uintptr(command), uintptr(argument), 0, 0)
	return int(result), failed(errno)
}

// SemControlAll is semctl(2) with SemGetAll or SemSetAll. The kernel goes by the
// set's own number of values: as many there must be.
func SemControlAll(id, command int, values []uint16) error {
	return semctl(id, command, unsafe.Pointer(unsafe.SliceData(values)))
}

// A SemStat is the kernel's struct semid64_ds, of 64 bits.
type SemStat struct {
	Perm  unix.SysvIpcPerm
	words [7]uint64
}

// OperationTime is when the last operation was, in seconds since 1970, or 0.
func (s *SemStat) OperationTime() int64 { return int64(s.word(0)) }

// ChangeTime is when the set was made, or its owner, mode or values last set.
func (s *SemStat) ChangeTime() int64 { return int64(s.word(1)) }

// Number is how many semaphores there are.
func (s *SemStat) Number() int { return int(s.word(2)) }

func (s *SemStat) word(i int) uint64 {
	if runtime.GOARCH == "amd64" {
		i *= 2 // room for times of 32 bits
	}
	return s.words[i]
}

// SemStatOf reads what the kernel knows of a set (IPC_STAT).
func SemStatOf(id int) (*SemStat, error) {
	stat := new(SemStat)
	return stat, semctl(id, unix.IPC_STAT, unsafe.Pointer(stat))
}

// SemStatAny is SemStatOf for those who may not read the set. Kernels before
// 4.17 cannot.
func SemStatAny(id int) (*SemStat, error) {
	stat := new(SemStat)
	found, _, errno := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), 0, semStatAny, uintptr(unsafe.Pointer(stat)), 0, 0)
	switch {
	case errno == unix.EINVAL:
		return SemStatOf(id)
	case errno == 0 && int(found) != id: // this call looks at a part of the identifier alone
		return nil, unix.EIDRM
	}
	return stat, failed(errno)
}

// SemSetPerm sets owner and mode (IPC_SET).
func SemSetPerm(id int, stat *SemStat) error { return semctl(id, unix.IPC_SET, unsafe.Pointer(stat)) }

// SemUsage is how many sets and semaphores there are (SEM_INFO).
func SemUsage() (sets, semaphores int, err error) {
	var info struct{ Map, MNI, MNS, MNU, MSL, OPM, UME, USZ, VMX, AEM int32 } // struct seminfo
	err = semctl(0, semInfo, unsafe.Pointer(&info))
	return int(info.USZ), int(info.AEM), err
}

func semctl(id, command int, argument unsafe.Pointer) error {
	if strconv.IntSize < 64 {
		return errors.ErrUnsupported
	}
	_, _, errno := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), 0, uintptr(command), uintptr(argument), 0, 0)
	return failed(errno)
}

func failed(errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
