package shm

import (
	"errors"
	"io/fs"
	"math/bits"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// An ID is the kernel's identifier of a System V segment, the same in every
// process. It is never -1.
type ID int32

func (id ID) String() string { return strconv.Itoa(int(id)) }

// CreateSysV makes a System V segment of the size in bytes, filled with zeros,
// and attaches it for reading and writing (shmget(2), shmat(2)). The mode is
// exact, and the key must be new; [ipc.Private] always is. The segment lives
// until Remove, with or without processes.
//
// The error is an *os.SyscallError with EEXIST, or with an *ipc.LimitError:
// SHMMIN, SHMMAX (EINVAL), SHMMNI, SHMALL (ENOSPC), memory, RLIMIT_AS (ENOMEM).
// Then no segment is left behind. All pages are there from the start; before
// Linux 5.14 the kernel cannot be asked for that, and there has to be memory
// for them at the time.
func CreateSysV(key ipc.Key, size int64, mode fs.FileMode) (*Segment, error) {
	return createSysV(key, size, mode, 0)
}

// CreateHugeSysV is CreateSysV in huge pages of so many bytes, a power of two;
// 0 is the machine's usual size (SHM_HUGETLB, hugetlbpage). It needs
// CAP_IPC_LOCK, a group in vm.hugetlb_shm_group, or room in RLIMIT_MEMLOCK
// (EPERM), and huge pages that are free: else the error holds a LimitError
// (nr_hugepages, ENOMEM). A size of pages that the machine does not have is
// EINVAL.
func CreateHugeSysV(key ipc.Key, size int64, mode fs.FileMode, page int) (*Segment, error) {
	if page < 0 || page == 1 || page&(page-1) != 0 {
		return nil, os.NewSyscallError("shmget", unix.EINVAL)
	}
	huge := hugePages
	if page > 0 {
		huge |= bits.TrailingZeros(uint(page)) << hugeShift
	}
	return createSysV(key, size, mode, huge)
}

// OpenSysV attaches the segment of the key. The error is ENOENT where there is
// none, EACCES where its mode does not admit.
func OpenSysV(key ipc.Key, access Access) (*Segment, error) {
	id, err := FindSysV(key)
	if err != nil {
		return nil, err
	}
	return id.Attach(access)
}

// OpenOrCreateSysV attaches the segment of the key for reading and writing, or
// makes it, as CreateSysV does, and reports which. One that is there must have
// at least the size: else the error holds a *SizeError.
func OpenOrCreateSysV(key ipc.Key, size int64, mode fs.FileMode) (s *Segment, created bool, err error) {
	if err := possible(size, ReadWrite); err != nil {
		return nil, false, os.NewSyscallError("shmget", createLimit(err, size, 0))
	}
	for range attempts {
		s, err = OpenSysV(key, ReadWrite)
		if err == nil && s.Size() < size {
			_ = s.Close()
			return nil, false, os.NewSyscallError("shmget", &SizeError{Size: s.Size(), Want: size})
		}
		if !vanished(err) {
			return s, false, err
		}
		s, err = CreateSysV(key, size, mode)
		if !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.EIDRM) {
			return s, err == nil, err
		}
	}
	return nil, false, err
}

// vanished: there was nothing, or it was removed between finding and attaching.
func vanished(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EIDRM) || errors.Is(err, unix.EINVAL)
}

// FindSysV is the identifier of the key's segment (shmget(2)): ENOENT where
// there is none. It needs no right to the segment.
func FindSysV(key ipc.Key) (ID, error) {
	if key == ipc.Private { // by which nothing is found, though shmget would make one
		return -1, os.NewSyscallError("shmget", unix.ENOENT)
	}
	id, err := unix.SysvShmGet(int(key), 0, 0)
	if err != nil {
		return -1, os.NewSyscallError("shmget", err)
	}
	return ID(id), nil
}

// Attach maps the segment (shmat(2)). On Linux that works after its removal
// too, as long as somebody has it attached. The error is EINVAL or EIDRM where
// there is no such segment, EACCES where its mode does not admit, and ENOMEM
// with a LimitError where RLIMIT_AS does not.
func (id ID) Attach(access Access) (*Segment, error) {
	if err := possible(1, access); err != nil {
		return nil, os.NewSyscallError("shmat", err)
	}
	flags := 0
	if access == ReadOnly {
		flags = unix.SHM_RDONLY
	}
	memory, err := unix.SysvShmAttach(int(id), 0, flags)
	if err != nil {
		return nil, os.NewSyscallError("shmat", attachLimit(err, id))
	}
	s := &Segment{kind: KindSysV, access: access, id: id, mapping: memory, memory: memory[:len(memory):len(memory)]}
	s.gate.end = func() { _ = unix.SysvShmDetach(memory) } // of an attachment that is ours: cannot fail
	return s, nil
}

func createSysV(key ipc.Key, size int64, mode fs.FileMode, huge int) (*Segment, error) {
	if err := possible(size, ReadWrite); err != nil {
		return nil, os.NewSyscallError("shmget", createLimit(err, size, huge))
	}
	owner := mode.Perm() | 0o600 // the maker has to attach it, whatever the mode will be
	id, err := unix.SysvShmGet(int(key), int(size), unix.IPC_CREAT|unix.IPC_EXCL|huge|int(owner))
	if err != nil {
		return nil, os.NewSyscallError("shmget", createLimit(err, size, huge))
	}
	s, err := ID(id).Attach(ReadWrite)
	if err != nil {
		_ = ID(id).Remove()
		if vanished(err) { // somebody else removed it
			err = os.NewSyscallError("shmat", unix.EIDRM)
		}
		return nil, err
	}
	err = populate(s.mapping, huge == 0)
	if err == nil && owner != mode.Perm() {
		err = ID(id).Chmod(mode)
	}
	if err != nil {
		_ = ID(id).Remove()
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// populate makes the kernel find memory for every page now: it would do so at
// the first touch, and kill where there is none.
func populate(memory []byte, count bool) error {
	if count {
		if err := enough(int64(len(memory))); err != nil {
			return os.NewSyscallError("madvise", err)
		}
	}
	err := sys.Again(func() error { return unix.Madvise(memory, unix.MADV_POPULATE_WRITE) })
	if errors.Is(err, unix.EINVAL) { // Linux before 5.14
		return nil
	}
	return os.NewSyscallError("madvise", err)
}

const (
	hugePages = 0o4000 // SHM_HUGETLB
	hugeShift = 26     // SHM_HUGE_SHIFT
)
