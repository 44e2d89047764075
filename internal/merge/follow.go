package merge

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// News is what Say is told of a source that is followed and has not failed.
type News string

func (n News) Error() string { return string(n) }

// The news there are.
const (
	Truncated News = "was truncated, and is read from its start"
	Replaced  News = "was replaced, and the new one is read"
	Appeared  News = "has appeared"
)

// A follower is what a stream that is followed knows of its path.
type follower struct {
	path     string
	is       identity // of what is open
	regular  bool
	inode    int  // the watcher's number of it
	absent   bool // nothing is open
	fresh    bool // a FIFO was opened, and may have no writer yet
	replaced bool // the path names another one by now
}

// awaitable is why a path cannot be opened yet.
func awaitable(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES)
}

// lacks waits until the path can be opened.
func (s *stream) lacks(err error) {
	if !s.follow.absent {
		s.follow.absent = true
		s.m.Say(s.name, cause(err))
	}
}

// followOn prepares the stream for the end of a file or of a FIFO's writers.
func (s *stream) followOn(file *descriptor, stat *unix.Stat_t) {
	f := s.follow
	if f.absent {
		f.absent = false
		s.m.Say(s.name, Appeared)
	}
	f.is, f.replaced = identityOf(stat), false
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.regular = true
		s.atEnd = s.atEndOfFile
		if err := s.m.watcher.addFile(s, file); err != nil {
			s.fail(err)
			_ = file.conn.Close()
		}
	case unix.S_IFIFO:
		f.fresh = true
		s.atEnd = s.atEndOfWriters
	default:
		s.atEnd = s.finish
	}
}

// stirred is called when something happened to the path or to its file.
func (s *stream) stirred() {
	switch {
	case s.ended:
	case s.follow.absent:
		s.open(s.follow.path)
	case s.file != nil:
		s.hasten()
	}
}

// atEndOfFile looks whether this was all.
func (s *stream) atEndOfFile() {
	switch {
	case s.truncated():
		s.m.Say(s.name, Truncated)
		s.lines.complete()
		s.hasten()
	case s.follow.replaced: // and this was the rest
		s.m.Say(s.name, Replaced)
		s.reopen()
	case s.isReplaced():
		s.follow.replaced = true
		s.hasten()
	}
}

// truncated begins anew where the file is shorter than what was read.
func (s *stream) truncated() (is bool) {
	_ = sys.Control(s.file.conn, func(fd int) error {
		var stat unix.Stat_t
		at, err := unix.Seek(fd, 0, unix.SEEK_CUR)
		if err == nil && unix.Fstat(fd, &stat) == nil && stat.Size < at {
			_, err = unix.Seek(fd, 0, unix.SEEK_SET)
			is = err == nil
		}
		return nil
	})
	return is
}

// isReplaced: a path that is gone may come again, and until then the file is read on.
func (s *stream) isReplaced() bool {
	var stat unix.Stat_t
	return unix.Stat(s.follow.path, &stat) == nil && identityOf(&stat) != s.follow.is
}

// atEndOfWriters waits for the next writer of a FIFO. A descriptor that has seen one
// go is ready for ever; a fresh one is when the next has come (fifo(7)). It is opened
// before the other is closed, so nothing is lost between them, and looked at at once:
// a writer may have come and gone.
func (s *stream) atEndOfWriters() {
	s.lines.complete()
	if s.follow.fresh && !s.isReplaced() {
		s.follow.fresh = false
		return
	}
	s.reopen()
}

// settle: a FIFO that has a writer tells when he has gone.
func (s *stream) settle() {
	if s.follow != nil {
		s.follow.fresh = false
	}
}

// reopen opens what the path names now.
func (s *stream) reopen() {
	old, is := s.file, s.follow.is
	s.lines.complete()
	if s.registration != nil {
		s.registration.Remove()
		s.registration = nil
	}
	if s.follow.regular {
		s.m.watcher.removeFile(s)
		s.follow.regular = false
	}
	s.file = nil
	delete(s.m.taken, is)
	s.open(s.follow.path)
	_ = old.conn.Close()
	if s.registration != nil {
		s.hasten()
	}
}

func (m *Merge) watchName(s *stream) error {
	if m.watcher == nil {
		w, err := newWatcher(m)
		if err != nil {
			return err
		}
		m.watcher = w
	}
	return m.watcher.addName(s, filepath.Dir(s.follow.path), filepath.Base(s.follow.path))
}
