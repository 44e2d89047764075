package ipc

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// A Key names an object of System V: semaphores, a queue, or a segment, each
// kind for itself. It is written as in ipcs(1), 0x0000002a.
type Key int32

func (k Key) String() string { return fmt.Sprintf("0x%08x", uint32(k)) }

// Private is the key of a new object that no key finds again: it is opened by
// its identifier (IPC_PRIVATE).
const Private Key = 0

// Ftok makes a key from a file that exists and a project number, of which only
// the low 8 bits count and must not be all zero: the same key as glibc's
// ftok(3). Different files can give the same key, as it holds 16 bits of the
// inode and 8 of the device; and a file made anew gives another.
func Ftok(path string, project int) (Key, error) {
	if project&0xff == 0 {
		return 0, &os.PathError{Op: "ftok", Path: path, Err: unix.EINVAL}
	}
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return 0, &os.PathError{Op: "ftok", Path: path, Err: err}
	}
	return Key(uint32(stat.Ino)&0xffff | uint32(stat.Dev)&0xff<<16 | uint32(project)<<24), nil
}

// Perm is who owns a System V object and who may use it (struct ipc_perm,
// sysvipc(7)). Of the mode, only the bits to read (0444) and to write or alter
// (0222) count.
type Perm struct {
	Key                    Key
	UID, GID               uint32 // the owner
	CreatorUID, CreatorGID uint32
	Mode                   fs.FileMode
}
