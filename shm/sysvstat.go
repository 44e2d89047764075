package shm

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// A SysVStat is what the kernel knows of a System V segment (shmctl(2), struct
// shmid_ds).
type SysVStat struct {
	ID   ID
	Perm ipc.Perm // its key is 0 once the segment is removed
	Size int64    // in bytes

	Attached            int64 // how often it is attached, by all processes
	CreatorPID, LastPID int   // LastPID is who attached or detached last. 0: not of this PID namespace

	AttachTime, DetachTime time.Time // the last; zero: never
	ChangeTime             time.Time // of its creation, or of the last Chown or Chmod

	Destroyed bool // removed, and still attached by somebody
	Locked    bool // its pages stay in memory
}

// Stat asks the kernel about the segment. It needs the right to read it
// (EACCES). EINVAL or EIDRM: there is no such segment.
func (id ID) Stat() (SysVStat, error) {
	var desc unix.SysvShmDesc
	if err := id.control(unix.IPC_STAT, &desc); err != nil {
		return SysVStat{}, err
	}
	return SysVStat{
		ID:       id,
		Perm:     sys.PermOf(&desc.Perm),
		Size:     wide(desc.Segsz),
		Attached: wide(desc.Nattch),
		LastPID:  int(desc.Lpid), CreatorPID: int(desc.Cpid),
		AttachTime: sys.Moment(wide(desc.Atime)), DetachTime: sys.Moment(wide(desc.Dtime)), ChangeTime: sys.Moment(wide(desc.Ctime)),
		Destroyed: desc.Perm.Mode&destroyed != 0,
		Locked:    desc.Perm.Mode&locked != 0,
	}, nil
}

// Chown gives the segment to another user and group (IPC_SET); the creator
// stays the creator. Only its owner, its creator and root may (EPERM), and they
// need the right to read it (EACCES). It concerns who attaches from now on.
func (id ID) Chown(uid, gid uint32) error {
	return id.set(func(desc *unix.SysvShmDesc) { desc.Perm.Uid, desc.Perm.Gid = uid, gid })
}

// Chmod gives the segment another mode (IPC_SET), as Chown does another owner.
func (id ID) Chmod(mode fs.FileMode) error {
	return id.set(func(desc *unix.SysvShmDesc) { sys.SetMode(&desc.Perm, mode) })
}

func (id ID) set(change func(*unix.SysvShmDesc)) error {
	var desc unix.SysvShmDesc
	if err := id.control(unix.IPC_STAT, &desc); err != nil {
		return err
	}
	change(&desc)
	return id.control(unix.IPC_SET, &desc)
}

// Remove takes the key away and ends the segment once nobody has it attached
// (IPC_RMID). Only its owner, its creator and root may (EPERM).
func (id ID) Remove() error { return id.control(unix.IPC_RMID, nil) }

// Lock keeps the segment's pages in memory, once they are there, from being
// swapped out (SHM_LOCK). Its owner and creator may, as far as RLIMIT_MEMLOCK
// goes: beyond, the error holds a LimitError (ENOMEM; EPERM where it is 0).
// Root always may, and others never (EPERM).
func (id ID) Lock() error { return id.control(shmLock, nil) }

// Unlock undoes Lock, whoever called it (SHM_UNLOCK).
func (id ID) Unlock() error { return id.control(shmUnlock, nil) }

func (id ID) control(command int, desc *unix.SysvShmDesc) error {
	_, err := unix.SysvShmCtl(int(id), command, desc)
	if command == shmLock {
		err = lockLimit(err)
	}
	return os.NewSyscallError("shmctl", err)
}

// wide is for the kernel's numbers, whose width depends on the machine.
func wide[T int32 | int64 | uint32 | uint64](n T) int64 { return int64(n) }

// What x/sys does not name.
const (
	shmLock   = 11 // SHM_LOCK
	shmUnlock = 12 // SHM_UNLOCK

	destroyed = 0o1000 // SHM_DEST
	locked    = 0o2000 // SHM_LOCKED
)
