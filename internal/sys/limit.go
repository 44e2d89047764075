package sys

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"kith/ipc"
)

// OpenLimit names the limits behind EMFILE and ENFILE, of any call that makes a
// descriptor.
func OpenLimit(err error) error {
	switch {
	case errors.Is(err, unix.EMFILE):
		return &ipc.LimitError{Limit: "RLIMIT_NOFILE", Max: Resource(unix.RLIMIT_NOFILE), Raise: "ulimit -n", Err: err}
	case errors.Is(err, unix.ENFILE):
		return SettingLimit(err, "file-max", "/proc/sys/fs/file-max")
	}
	return err
}

// WatchLimit names the limit behind ENOSPC of epoll_ctl(2).
func WatchLimit(err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return SettingLimit(err, "max_user_watches", "/proc/sys/fs/epoll/max_user_watches")
	}
	return err
}

// SettingLimit is a limit that is a setting of the kernel's.
func SettingLimit(err error, name, path string) error {
	return &ipc.LimitError{Limit: name, Max: Setting(path, 0), Raise: path, Err: err}
}

// Pollable makes sure that Go's poller has taken the file, or a call would hold a
// thread: os.NewFile does not say so.
func Pollable(file *os.File) error {
	if file.SetDeadline(time.Time{}) != nil {
		return WatchLimit(unix.ENOSPC)
	}
	return nil
}
