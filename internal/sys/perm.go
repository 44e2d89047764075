package sys

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"kith/ipc"
)

// PermOf reads the kernel's struct ipc64_perm.
func PermOf(p *unix.SysvIpcPerm) ipc.Perm {
	return ipc.Perm{
		Key: ipc.Key(p.Key),
		UID: p.Uid, GID: p.Gid,
		CreatorUID: p.Cuid, CreatorGID: p.Cgid,
		Mode: fs.FileMode(p.Mode).Perm(),
	}
}

// SetMode sets the mode there.
func SetMode(p *unix.SysvIpcPerm, mode fs.FileMode) { assign(&p.Mode, mode.Perm()) }

// assign is for a field that is narrower on some machines.
func assign[T uint16 | uint32](to *T, mode fs.FileMode) { *to = T(mode) }

// Moment is a time of the kernel's, in seconds since 1970; never is zero.
func Moment(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
