package sem

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// A SetStat is what the kernel knows of a set (semctl(2), struct semid_ds).
type SetStat struct {
	Perm      ipc.Perm
	Number    int       // of semaphores
	Operation time.Time // of the last operation, to the second; zero: there was none yet
	Change    time.Time // when it was made, or its owner, mode or values were last set; to the second
}

// Stat needs permission to read (EACCES). A set that is gone is EINVAL here and
// below.
func (s *Set) Stat() (SetStat, error) {
	stat, err := sys.SemStatOf(s.id)
	if err != nil {
		return SetStat{}, os.NewSyscallError("semctl", err)
	}
	return SetStat{
		Perm:      sys.PermOf(&stat.Perm),
		Number:    stat.Number(),
		Operation: sys.Moment(stat.OperationTime()),
		Change:    sys.Moment(stat.ChangeTime()),
	}, nil
}

// Chmod changes who may read and write the set. Only its owner, its creator and
// root may (EPERM).
func (s *Set) Chmod(mode fs.FileMode) error {
	return s.change(func(perm *unix.SysvIpcPerm) { sys.SetMode(perm, mode) })
}

// Chown gives the set to another user and group. Its owner, its creator and root
// may (EPERM), and the creator keeps that right. A user that cannot be is EINVAL.
func (s *Set) Chown(uid, gid uint32) error {
	return s.change(func(perm *unix.SysvIpcPerm) { perm.Uid, perm.Gid = uid, gid })
}

// change sets owner and mode, which the kernel takes together: of two at the same
// moment, one may be lost.
func (s *Set) change(edit func(*unix.SysvIpcPerm)) error {
	stat, err := sys.SemStatAny(s.id) // an owner may have no permission to read
	if err == nil {
		edit(&stat.Perm)
		err = sys.SemSetPerm(s.id, stat)
	}
	return os.NewSyscallError("semctl", err)
}

// Remove removes the set at once. Whoever waits in it gets ErrRemoved (EIDRM).
// Only its owner, its creator and root may (EPERM).
func (s *Set) Remove() error {
	_, err := s.control(0, unix.IPC_RMID, 0)
	return err
}
