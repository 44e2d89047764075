package merge

import (
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/poll"
)

// A watcher hears of files and of names in directories: inotify(7).
type watcher struct {
	m            *Merge
	inotify      sys.Inotify
	registration *poll.Registration
	names        map[int]map[string][]*stream // by the directory's number
	files        map[int][]*stream
}

const (
	// nameEvents are those of a directory that a name has come, or can be read.
	nameEvents = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_ATTRIB | unix.IN_ONLYDIR
	// fileEvents are those of a file that it has grown, or shrunk.
	fileEvents = unix.IN_MODIFY
)

func newWatcher(m *Merge) (*watcher, error) {
	inotify, err := sys.OpenInotify()
	if err != nil {
		return nil, err
	}
	w := &watcher{m: m, inotify: inotify, names: map[int]map[string][]*stream{}, files: map[int][]*stream{}}
	w.registration, err = m.set.Add(w, poll.Readable, poll.Level)
	return w, err
}

// SyscallConn makes it a source of the set.
func (w *watcher) SyscallConn() (syscall.RawConn, error) { return w.inotify.SyscallConn() }

func (w *watcher) has(r *poll.Registration) bool { return w.registration == r }

func (w *watcher) add(path string, events uint32) (inode int, err error) {
	return w.inotify.Watch(path, events|unix.IN_MASK_ADD)
}

// addFile watches the file itself, wherever its name leads by now.
func (w *watcher) addFile(s *stream, file *descriptor) error {
	return sys.Control(file.conn, func(fd int) (err error) {
		s.follow.inode, err = w.add(fmt.Sprintf("/proc/self/fd/%d", fd), fileEvents)
		if err == nil {
			w.files[s.follow.inode] = append(w.files[s.follow.inode], s)
		}
		return err
	})
}

func (w *watcher) removeFile(s *stream) {
	inode := s.follow.inode
	w.files[inode] = slices.DeleteFunc(w.files[inode], func(other *stream) bool { return other == s })
	if len(w.files[inode]) > 0 {
		return
	}
	delete(w.files, inode)
	w.remove(inode)
}

func (w *watcher) remove(inode int) { w.inotify.Unwatch(inode) }

// turn stirs those to whom something happened.
func (w *watcher) turn() {
	for notice := range w.inotify.Notices() {
		w.happened(notice.Inode, notice.Happened, notice.Name)
	}
}

func (w *watcher) happened(inode int, mask uint32, name string) {
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0:
		w.stirAll()
	case mask&unix.IN_IGNORED != 0:
		delete(w.names, inode) // the directory is gone: its own name may come again
	default:
		for _, s := range slices.Clone(w.names[inode][name]) {
			w.look(s)
		}
		for _, s := range slices.Concat(w.files[inode], w.names[inode][name]) {
			s.stirred()
		}
	}
}

// stirAll is for when events were lost.
func (w *watcher) stirAll() {
	for _, s := range w.m.streams {
		if s.follow != nil && !s.ended {
			w.look(s)
			s.stirred()
		}
	}
}

func (w *watcher) close() { _ = w.inotify.Close() }
