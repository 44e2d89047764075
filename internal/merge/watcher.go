package merge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/poll"
)

// A watcher hears of files and of names in directories: inotify(7).
type watcher struct {
	m            *Merge
	file         *os.File
	registration *poll.Registration
	names        map[int]map[string][]*stream // by the directory's number
	files        map[int][]*stream
	buffer       []byte
}

const (
	// nameEvents are those of a directory that a name has come, or can be read.
	nameEvents = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_ATTRIB | unix.IN_ONLYDIR
	// fileEvents are those of a file that it has grown, or shrunk.
	fileEvents = unix.IN_MODIFY
)

func newWatcher(m *Merge) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return nil, instanceLimit(err)
	}
	file := os.NewFile(uintptr(fd), "inotify")
	_ = unix.SetNonblock(fd, true)
	w := &watcher{m: m, file: file, names: map[int]map[string][]*stream{}, files: map[int][]*stream{}, buffer: make([]byte, 16<<10)}
	w.registration, err = m.set.Add(w, poll.Readable, poll.Level)
	return w, err
}

// SyscallConn makes it a source of the set.
func (w *watcher) SyscallConn() (syscall.RawConn, error) { return w.file.SyscallConn() }

func (w *watcher) has(r *poll.Registration) bool { return w.registration == r }

// instanceLimit tells the two limits behind EMFILE of inotify_init(2) apart.
func instanceLimit(err error) error {
	spare, failed := unix.Dup(0)
	if errors.Is(err, unix.EMFILE) && failed == nil {
		_ = unix.Close(spare)
		return sys.SettingLimit(err, "max_user_instances", "/proc/sys/fs/inotify/max_user_instances")
	}
	return sys.OpenLimit(err)
}

func (w *watcher) add(path string, events uint32) (inode int, err error) {
	err = sys.Control(w.file, func(fd int) error {
		inode, err = unix.InotifyAddWatch(fd, path, events|unix.IN_MASK_ADD)
		return err
	})
	if errors.Is(err, unix.ENOSPC) {
		err = sys.SettingLimit(err, "max_user_watches", "/proc/sys/fs/inotify/max_user_watches")
	}
	return inode, err
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

func (w *watcher) remove(inode int) {
	_ = sys.Control(w.file, func(fd int) error { _, err := unix.InotifyRmWatch(fd, uint32(inode)); return err })
}

// turn stirs those to whom something happened.
func (w *watcher) turn() {
	n := 0
	_ = sys.Control(w.file, func(fd int) (err error) {
		n, err = unix.Read(fd, w.buffer)
		return err
	})
	for events := w.buffer[:max(n, 0)]; len(events) >= unix.SizeofInotifyEvent; {
		inode, mask := int(int32(binary.NativeEndian.Uint32(events))), binary.NativeEndian.Uint32(events[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		name, _, _ := bytes.Cut(events[unix.SizeofInotifyEvent:end], []byte{0})
		w.happened(inode, mask, string(name))
		events = events[end:]
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

func (w *watcher) close() { _ = w.file.Close() }
