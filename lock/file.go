package lock

import (
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// openLockFile opens the file, or makes it. Without O_CREAT first, which is
// refused for another user's file in a sticky directory (fs.protected_regular).
// O_NONBLOCK is for a FIFO that somebody put there.
func openLockFile(path string, how int) (int, error) {
	fd, err := openFor(path, how)
	if errors.Is(err, unix.ENOENT) {
		fd, err = openFor(path, how|unix.O_CREAT)
	}
	if err == nil || errors.Is(err, unix.ENOENT) || how == unix.O_RDONLY {
		return fd, err
	}
	if fd, reading := openFor(path, unix.O_RDONLY); reading == nil {
		return fd, nil
	}
	return -1, err
}

func openFor(path string, how int) (fd int, err error) {
	const flags = unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	err = sys.Again(func() error {
		fd, err = unix.Open(path, flags|how, 0o666)
		return err
	})
	return fd, err
}

// current makes sure that the path still names the open file: who had the lock
// before may have removed it.
func (o *open) current(fd int) error {
	var ours, now unix.Stat_t
	if err := unix.Fstat(fd, &ours); err != nil {
		return err
	}
	err := sys.Again(func() error { return unix.Stat(o.name, &now) })
	if errors.Is(err, unix.ENOENT) || err == nil && (now.Dev != ours.Dev || now.Ino != ours.Ino) {
		return ErrReplaced
	}
	return err
}
