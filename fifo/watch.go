package fifo

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A watch hears when a file was opened, renamed or unlinked, by whomever.
type watch struct {
	news     chan struct{} // has an element when something happened; nil: none can come
	inode    int           // inotify's number of it
	instance *instance
}

const happenings = unix.IN_OPEN | unix.IN_ATTRIB | unix.IN_MOVE_SELF

// A process has one instance of inotify, of which a user has few, and only while
// somebody waits, and for a moment after that.
var watching struct {
	sync.Mutex
	*instance // nil: nobody waits
}

// watchFile watches what the file is, wherever its name may lead by now. There is
// no news without the right to read it (EACCES), at a limit of inotify(7) (EMFILE,
// ENOSPC), and without /proc.
func watchFile(file *os.File) *watch {
	watching.Lock()
	defer watching.Unlock()
	if watching.instance == nil {
		watching.instance = newInstance()
	}
	w := &watch{instance: watching.instance}
	if w.instance != nil && w.instance.add(w, file) == nil {
		w.news = make(chan struct{}, 1)
	}
	return w
}

// stop ends the watch.
func (w *watch) stop() {
	watching.Lock()
	defer watching.Unlock()
	if w.news != nil {
		w.instance.remove(w)
	}
}

// An instance is one of inotify(7). All but listen is guarded by watching.
type instance struct {
	file    *os.File
	watches map[int]map[*watch]struct{} // by inode
	idle    *time.Timer
}

// newInstance is nil where none is to be had.
func newInstance() *instance {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	i := &instance{file: os.NewFile(uintptr(fd), "inotify"), watches: map[int]map[*watch]struct{}{}}
	if sys.Pollable(i.file) != nil {
		_ = i.file.Close()
		return nil
	}
	i.idle = time.AfterFunc(linger, i.close)
	go i.listen()
	return i
}

// add watches the file itself by the name that /proc has for it.
func (i *instance) add(w *watch, file *os.File) error {
	err := sys.Control(file, func(fd int) error {
		return sys.Control(i.file, func(inotify int) (err error) {
			w.inode, err = unix.InotifyAddWatch(inotify, fmt.Sprintf("/proc/self/fd/%d", fd), happenings)
			return err
		})
	})
	if err != nil {
		return err
	}
	if i.watches[w.inode] == nil {
		i.watches[w.inode] = map[*watch]struct{}{}
	}
	i.watches[w.inode][w] = struct{}{}
	return nil
}

// remove has an instance that nobody needs closed, if nobody needs it soon: that takes
// the kernel some milliseconds, and a thread for as long.
func (i *instance) remove(w *watch) {
	delete(i.watches[w.inode], w)
	if len(i.watches[w.inode]) > 0 {
		return
	}
	delete(i.watches, w.inode)
	_ = sys.Control(i.file, func(fd int) error { // EINVAL: the file is gone, and the kernel's watch with it
		_, err := unix.InotifyRmWatch(fd, uint32(w.inode))
		return err
	})
	if len(i.watches) == 0 {
		i.idle.Reset(linger)
	}
}

const linger = 100 * time.Millisecond

// close is for an instance that has been idle.
func (i *instance) close() {
	watching.Lock()
	needed := len(i.watches) > 0
	if !needed && watching.instance == i {
		watching.instance = nil
	}
	watching.Unlock()
	if !needed {
		_ = i.file.Close()
	}
}
