package compare

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"kith/lock"
)

// directoryName is what the directories of runs are called, and lockName a file in
// each; a directory without it is none. (A lock of the directory itself would keep
// the workers' listeners from their names in it.)
const (
	directoryName = "kith-compare-*"
	lockName      = "lock"
)

// A directory is a run's own: private, and removed in the end, if not by the run,
// then by the next one. Who has it holds its lock, which death releases.
type directory struct {
	path string
	lock *lock.Lock
}

// makeDirectory makes one, and removes what runs left that were killed.
func makeDirectory() (*directory, error) {
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), directoryName)); err == nil {
		for _, path := range left {
			removeDead(path)
		}
	}
	for {
		path, err := os.MkdirTemp("", directoryName) // mode 0700
		if err != nil {
			return nil, err
		}
		made, err := lockDirectory(path)
		if !errors.Is(err, lock.ErrBusy) && !errors.Is(err, fs.ErrNotExist) { // one who took it for dead
			return made, err
		}
	}
}

func lockDirectory(path string) (*directory, error) {
	held, err := lock.At(filepath.Join(path, lockName), lock.Flock).Try(lock.Exclusive, lock.Whole)
	if err != nil {
		return nil, err
	}
	return &directory{path, held}, nil
}

// removeDead removes a directory of this user's that nobody has.
func removeDead(path string) {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return
	}
	if _, err := os.Lstat(filepath.Join(path, lockName)); err != nil {
		return
	}
	if dead, err := lockDirectory(path); err == nil {
		dead.remove()
	}
}

func (d *directory) remove() {
	_ = os.RemoveAll(d.path)
	_ = d.lock.Unlock()
}
