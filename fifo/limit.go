package fifo

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// What the kernel allows a user who is not privileged (pipe(7)).
const (
	sizeSetting = "/proc/sys/fs/pipe-max-size"        // of one pipe, in bytes
	softSetting = "/proc/sys/fs/pipe-user-pages-soft" // of all pipes of a user, in pages
	hardSetting = "/proc/sys/fs/pipe-user-pages-hard" // of all pipes of a user, in pages
	openSetting = "/proc/sys/fs/file-nr"              // open files, unused, and at most
)

// capacityLimit finds the limit behind EPERM of F_SETPIPE_SZ.
func capacityLimit(err error, size int) error {
	switch {
	case !errors.Is(err, unix.EPERM):
		return err
	case rounded(size) > sys.Setting(sizeSetting, 0):
		return sys.SettingLimit(err, "pipe-max-size", sizeSetting)
	}
	return pagesLimit(err)
}

// rounded is what the kernel makes of a size: a power of two, and a page at least.
func rounded(size int) int64 {
	rounded := int64(os.Getpagesize())
	for rounded < int64(size) {
		rounded *= 2
	}
	return rounded
}

// pagesLimit is the lower of the two that are set. 0 is no limit, and behind another
// errno than EPERM is the hard one.
func pagesLimit(err error) error {
	soft, hard := sys.Setting(softSetting, 0), sys.Setting(hardSetting, 0)
	softly := soft > 0 && soft < math.MaxInt64 && errors.Is(err, unix.EPERM)
	switch {
	case hard > 0 && hard < math.MaxInt64 && (!softly || hard <= soft):
		return pages(err, "pipe-user-pages-hard", hardSetting, hard)
	case softly:
		return pages(err, "pipe-user-pages-soft", softSetting, soft)
	}
	return err
}

func pages(err error, name, path string, limit int64) error {
	return &ipc.LimitError{Limit: name, Max: limit, Raise: path + ", in pages of all pipes of a user", Err: err}
}

// pipeLimit tells the two limits behind ENFILE of pipe(2) apart.
func pipeLimit(err error) error {
	if errors.Is(err, unix.ENFILE) && sys.Setting(openSetting, 0) < sys.Setting(openSetting, 2) {
		return pagesLimit(err)
	}
	return sys.OpenLimit(err)
}
