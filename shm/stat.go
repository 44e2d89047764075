package shm

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Stat is what the kernel knows of a segment's object now, whatever its kind.
type Stat struct {
	Kind       Kind
	Size       int64 // of the whole object, in bytes
	Allocated  int64 // how many of them are in memory or on disk; -1: not known, of System V
	UID, GID   uint32
	Mode       fs.FileMode // the permission bits
	ChangeTime time.Time   // of owner, mode or size
	Removed    bool        // it has no name or key; true of every memfd

	SysV  *SysVStat // the rest, of System V alone
	Seals int       // of a memfd alone (fcntl(2), F_SEAL_…)
}

// Stat asks the kernel about the segment's object.
func (s *Segment) Stat() (Stat, error) {
	if !s.gate.enter() {
		return Stat{}, s.failed("stat", os.ErrClosed)
	}
	defer s.gate.leave()
	if s.kind == KindSysV {
		return s.statSysV()
	}
	return s.statFile()
}

func (s *Segment) statSysV() (Stat, error) {
	stat, err := s.id.Stat()
	if err != nil {
		return Stat{}, err
	}
	return Stat{
		Kind: KindSysV, Size: stat.Size, Allocated: -1,
		UID: stat.Perm.UID, GID: stat.Perm.GID, Mode: stat.Perm.Mode,
		ChangeTime: stat.ChangeTime, Removed: stat.Destroyed, SysV: &stat,
	}, nil
}

func (s *Segment) statFile() (Stat, error) {
	var stat unix.Stat_t
	seals := 0
	err := sys.Control(s.file, func(fd int) (err error) {
		if s.kind == KindMemfd {
			seals, err = unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
		}
		if err == nil {
			err = unix.Fstat(fd, &stat)
		}
		return err
	})
	if err != nil {
		return Stat{}, s.failed("stat", err)
	}
	return Stat{
		Kind: s.kind, Size: stat.Size, Allocated: stat.Blocks * 512,
		UID: stat.Uid, GID: stat.Gid, Mode: fs.FileMode(stat.Mode) & fs.ModePerm,
		ChangeTime: time.Unix(stat.Ctim.Unix()), Removed: stat.Nlink == 0, Seals: seals,
	}, nil
}
