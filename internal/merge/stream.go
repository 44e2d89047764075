package merge

import (
	"errors"
	"io"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/poll"
)

// A stream is bytes that come from one place, in order.
type stream struct {
	m     *Merge
	name  string
	lines lines

	file         *descriptor        // nil: nothing is open
	registration *poll.Registration // nil: it is not waited for
	eager        bool               // it is on the list
	fifo         bool
	heard        bool // something has come
	long         bool // a line of it was cut
	ended        bool
	atEnd        func()    // what to do at the end of the file
	command      *command  // whose output it is; nil: nobody's
	follow       *follower // nil: it is not followed
}

// newStream makes one whose lines go to an output.
func (m *Merge) newStream(name string, to *output, format Format) *stream {
	s := &stream{m: m, name: name}
	s.lines.budget = &m.budget
	s.lines.emit = func(line []byte, rest, more bool) {
		if more && !s.long {
			s.long = true
			m.say(name, ErrLong)
		}
		to.add(format, Line{name, line, rest, more})
	}
	s.atEnd = s.finish
	m.streams = append(m.streams, s)
	m.live++
	return s
}

// A descriptor is an open file that can be read without waiting.
type descriptor struct {
	conn interface {
		syscall.Conn
		io.Closer
	}
	read func(fd int, p []byte) (int, error)
}

// SyscallConn makes a stream a source of the set.
func (s *stream) SyscallConn() (syscall.RawConn, error) { return s.file.conn.SyscallConn() }

func (s *stream) has(r *poll.Registration) bool { return s.registration == r }

// attach reads the file from now on: when it is ready, or, where it always is, in each
// round.
func (s *stream) attach(file *descriptor) {
	s.file = file
	r, err := s.m.set.Add(s, poll.Readable, poll.Level)
	switch {
	case err == nil:
		s.registration = r
	case errors.Is(err, poll.ErrNotPollable):
		s.hasten()
	case errors.Is(err, poll.ErrTooHigh):
		s.m.abort(err)
		s.finish()
	default:
		s.fail(err)
	}
}

// hasten gives the stream a turn in the next round.
func (s *stream) hasten() {
	if !s.eager && !s.ended {
		s.eager = true
		s.m.eager = append(s.m.eager, s)
	}
}

// turn takes in what is there, up to a buffer.
func (s *stream) turn() {
	if s.file == nil {
		return
	}
	n, err := s.read(s.m.buffer)
	switch {
	case errors.Is(err, unix.EAGAIN):
		s.settle()
	case err != nil:
		s.fail(err)
	case n == 0:
		s.atEnd()
	default:
		s.heard = true
		s.lines.take(s.m.buffer[:n])
		if s.registration == nil || s.follow != nil && s.follow.fresh {
			s.hasten()
		}
	}
}

func (s *stream) read(p []byte) (n int, err error) {
	err = sys.Control(s.file.conn, func(fd int) error {
		return sys.Again(func() (err error) {
			n, err = s.file.read(fd, p)
			return err
		})
	})
	return n, err
}

// detach closes the file.
func (s *stream) detach() {
	if s.registration != nil {
		s.registration.Remove()
		s.registration = nil
	}
	if s.file != nil {
		_ = s.file.conn.Close()
		s.file = nil
	}
}

func (s *stream) fail(err error) {
	if !s.ended {
		s.m.fail(s.name, err)
		s.finish()
	}
}

// finish ends the stream.
func (s *stream) finish() {
	if s.ended {
		return
	}
	s.ended = true
	s.lines.complete()
	s.close()
	s.m.live--
	if s.command != nil {
		s.command.streamEnded()
	}
}

func (s *stream) close() {
	s.detach()
	s.lines.budget.forget(&s.lines)
}
