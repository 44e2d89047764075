package sys

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"os"

	"golang.org/x/sys/unix"
)

// An Inotify is an instance of inotify(7), which does not wait: whoever reads it, waits
// for it as for any descriptor.
type Inotify struct{ *os.File }

// A Notice is one event of it. Inode is what Watch has returned: -1 where Happened is
// IN_Q_OVERFLOW, and events were lost.
type Notice struct {
	Inode    int
	Happened uint32
	Name     string // in a directory
}

// OpenInotify opens an instance. EMFILE is that of RLIMIT_NOFILE, or of the instances that a
// user may have.
func OpenInotify() (Inotify, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return Inotify{}, instanceLimit(err)
	}
	return Inotify{os.NewFile(uintptr(fd), "inotify")}, nil
}

func instanceLimit(err error) error {
	if !errors.Is(err, unix.EMFILE) {
		return OpenLimit(err)
	}
	if fd, other := unix.Eventfd(0, unix.EFD_CLOEXEC); other == nil { // descriptors are left
		_ = unix.Close(fd)
		return SettingLimit(err, "max_user_instances", "/proc/sys/fs/inotify/max_user_instances")
	}
	return OpenLimit(err)
}

// Watch hears from now on what happens to the file.
func (i Inotify) Watch(path string, happenings uint32) (inode int, err error) {
	err = Control(i, func(fd int) (err error) {
		inode, err = unix.InotifyAddWatch(fd, path, happenings)
		return err
	})
	if errors.Is(err, unix.ENOSPC) {
		err = SettingLimit(err, "max_user_watches", "/proc/sys/fs/inotify/max_user_watches")
	}
	return inode, err
}

// Unwatch ends that. It fails where the file is gone, and the kernel's watch with it.
func (i Inotify) Unwatch(inode int) {
	_ = Control(i, func(fd int) error {
		_, err := unix.InotifyRmWatch(fd, uint32(inode))
		return err
	})
}

// Notices are all there are now.
func (i Inotify) Notices() iter.Seq[Notice] {
	return func(yield func(Notice) bool) {
		buffer := make([]byte, 64<<10)
		for {
			n := 0
			err := Control(i, func(fd int) (err error) {
				n, err = unix.Read(fd, buffer)
				return err
			})
			if err != nil || n <= 0 || !notices(buffer[:n], yield) {
				return
			}
		}
	}
}

// notices takes apart what inotify(7) has laid out:
//
//	at 0   int32   the number of the inode
//	   4   uint32  what happened
//	   8   uint32  a cookie
//	  12   uint32  the length of the name, which follows, and has zeros behind it
func notices(read []byte, yield func(Notice) bool) (goOn bool) {
	for goOn = true; goOn && len(read) >= unix.SizeofInotifyEvent; {
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(read[12:]))
		name, _, _ := bytes.Cut(read[unix.SizeofInotifyEvent:end], []byte{0})
		goOn = yield(Notice{int(int32(binary.NativeEndian.Uint32(read))), binary.NativeEndian.Uint32(read[4:]), string(name)})
		read = read[end:]
	}
	return goOn
}
