package fifo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrReplaced is a FIFO that lost its name, by which the other side would have
// come, while one waited: the path leads to another file now, or to none.
var ErrReplaced = errors.New("the FIFO was removed or replaced")

// A meeting is a wait for the other side of a FIFO, parked.
type meeting struct {
	path   string
	pinned *os.File // the FIFO: while it is open, no other file has its inode
	stat   unix.Stat_t
	look   func() (there bool, err error)
	// told: what is looked for is an event of inotify(7), where that is to be had.
	told  bool
	ended <-chan struct{} // has it look at once; nil: never
}

// newMeeting waits for somebody at the path, wherever this process may go meanwhile.
func newMeeting(path string, pinned *os.File) (*meeting, error) {
	m := &meeting{path: absolute(path), pinned: pinned}
	err := sys.Control(pinned, func(fd int) error { return unix.Fstat(fd, &m.stat) })
	return m, err
}

// absolute leaves .. to the kernel, which follows links before it: filepath.Abs would
// not. What would be too long for a path stays as it is.
func absolute(path string) string {
	if here, err := os.Getwd(); err == nil && !filepath.IsAbs(path) && len(here)+1+len(path) < unix.PathMax {
		return here + "/" + path
	}
	return path
}

// wait returns when the other side is there, or ctx has ended, or nobody can come
// any more. Nobody tells of a reader that is blocked in open(2): hence the timer.
func (m *meeting) wait(ctx context.Context) error {
	if there, err := m.look(); there || err != nil {
		return err
	}
	w := watchFile(m.pinned)
	defer w.stop()
	most := lastPause
	if m.told && w.news != nil {
		most = rarely
	}
	for pause := firstPause; ; pause = min(2*pause, most) {
		if there, err := m.look(); there || err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case <-ctx.Done():
		case <-m.ended:
		case <-w.news:
		case <-time.After(pause):
		}
	}
}

// Between two looks. Rarely is for what inotify does not tell, or has lost: a
// directory that was renamed, too many events.
var (
	firstPause = time.Millisecond
	lastPause  = 32 * time.Millisecond
	rarely     = time.Second
)

// inPlace makes sure that the path still leads to the FIFO.
func (m *meeting) inPlace() error {
	var now unix.Stat_t
	err := sys.Again(func() error { return unix.Stat(m.path, &now) })
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return fmt.Errorf("%w: %w", ErrReplaced, err)
	case err != nil:
		return err
	}
	return m.same(&now)
}

// same makes sure that a file is the FIFO.
func (m *meeting) same(other *unix.Stat_t) error {
	if other.Dev != m.stat.Dev || other.Ino != m.stat.Ino {
		return ErrReplaced
	}
	return nil
}
