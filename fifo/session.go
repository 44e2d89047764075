package fifo

import (
	"context"
	"os"
	"sync"
	"syscall"

	"kith/internal/sys"
)

// Sessions read a FIFO from one end of its writers to the next. A session begins
// when somebody opens the FIFO for writing while nobody has, and ends when the last
// of the writers has gone. One descriptor stays open over all of them: no writer
// meets EPIPE in between, and nothing that is written between two sessions, or
// while nobody waits, is lost.
//
// An end counts when it was read. If the next writer comes before, its session
// goes on with theirs, as for any reader of a FIFO.
//
// One goroutine at a time may call Next and Read; Close any, at any time.
type Sessions struct {
	path   string
	file   *os.File
	reader *sys.Direction
	next   *meeting
	over   bool // no session is under way

	mu     sync.Mutex
	closed chan struct{}
	since  *os.File // the FIFO, opened anew when the last session was over; nil: it could not be
}

// OpenSessions opens the FIFO for reading, as OpenReader does. The first session
// begins when Next returns.
func OpenSessions(path string) (*Sessions, error) {
	file, err := OpenReader(path)
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	if err == nil {
		s := &Sessions{path: path, file: file, since: file, over: true, closed: make(chan struct{})}
		s.reader = sys.NewDirection(raw.Read, file.SetReadDeadline)
		if s.next, err = newMeeting(path, file); err == nil {
			s.next.look = func() (bool, error) { return s.next.writer(s.began) }
			s.next.told, s.next.ended = true, s.closed
			return s, nil
		}
	}
	_ = file.Close()
	return nil, failed("open", path, err)
}

// Next waits for a session until ctx ends: for a writer that has come since Read
// told the end of the one before. It may have gone again, and have written nothing.
// If a session is under way, Next returns at once: so one that was left because a
// context ended is gone on with.
//
// Errors: os.ErrClosed; the cause of ctx's end; ErrReplaced, as for Open. After
// them, Next may be called again. Where the process lost the right to open the FIFO
// again, or has no /proc or no descriptor left for that, a session without a byte
// passes unseen.
func (s *Sessions) Next(ctx context.Context) error {
	if ctx.Err() != nil {
		return failed("read", s.path, context.Cause(ctx))
	}
	if !s.over {
		return nil
	}
	if err := s.next.wait(ctx); err != nil {
		return failed("read", s.path, err)
	}
	s.over = false
	s.keep(nil)
	return nil
}

// began asks the descriptor that was opened when nobody was there.
func (s *Sessions) began() (began bool, err error) {
	if s.since != nil {
		return writerCame(s.since)
	}
	err = sys.Control(s.file, func(fd int) error { began, err = writerThere(fd); return err })
	return began, err
}

// SyscallConn lends the descriptor, as to a poll or an epoll. It is non-blocking
// and must stay so. Between two sessions it hangs up, and a level tells of that without
// end: use an edge, or remove it until Next has returned.
func (s *Sessions) SyscallConn() (syscall.RawConn, error) { return s.file.SyscallConn() }

// Close closes the FIFO. Calls that wait return, and their errors and those of
// later calls match os.ErrClosed.
func (s *Sessions) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.file.Close()
	if err != nil {
		return err
	}
	close(s.closed)
	if s.since != nil && s.since != s.file {
		_ = s.since.Close()
	}
	s.reader.Disarm()
	return nil
}
