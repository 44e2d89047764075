package merge

import (
	"errors"

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
	inode    int // the watcher's number of it
	lookup   []step
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
		s.m.say(s.name, cause(err))
	}
}

// appeared ends the wait for it.
func (s *stream) appeared() {
	if s.follow != nil && s.follow.absent {
		s.follow.absent = false
		s.m.say(s.name, Appeared)
	}
}

// followOn prepares the stream for the end of a file or of a FIFO's writers.
func (s *stream) followOn(file *descriptor, stat *unix.Stat_t) {
	s.appeared()
	f := s.follow
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
		s.m.say(s.name, Truncated)
		s.lines.complete()
		s.hasten()
	case s.follow.replaced: // and this was the rest
		s.m.say(s.name, Replaced)
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
		if err == nil && unix.Fstat(fd, &stat) == nil && stat.Size < at && !sizeless(fd, &stat) {
			_, err = unix.Seek(fd, 0, unix.SEEK_SET)
			is = err == nil
		}
		return nil
	})
	return is
}

// sizeless: there is something to read where the size is said to be 0, as in proc(5).
func sizeless(fd int, stat *unix.Stat_t) bool {
	if stat.Size > 0 {
		return false
	}
	n, _ := unix.Pread(fd, make([]byte, 1), 0)
	return n > 0 && unix.Fstat(fd, stat) == nil && stat.Size == 0
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
