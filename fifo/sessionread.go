package fifo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Read reads what is there, at most as much as the buffer holds, and waits for
// something until ctx ends. io.EOF is the end of the session, and what Read returns
// until Next was called. A Read whose ctx has ended took nothing.
//
// Errors: io.EOF, as it is; os.ErrClosed; the cause of ctx's end.
func (s *Sessions) Read(ctx context.Context, buffer []byte) (int, error) {
	if ctx.Err() != nil {
		return 0, failed("read", s.path, context.Cause(ctx))
	}
	if s.over {
		return 0, io.EOF
	}
	if len(buffer) == 0 {
		return 0, nil
	}
	var n int
	var err error
	waiting := s.reader.Wait(ctx, func(fd uintptr) bool {
		n, err = read(int(fd), buffer)
		return !errors.Is(err, unix.EAGAIN)
	})
	if err = cmp.Or(waiting, err); err != nil {
		return 0, failed("read", s.path, err)
	}
	if n == 0 {
		s.end()
		return 0, io.EOF
	}
	return n, nil
}

// end is for a read that found no writer. From a descriptor that is opened now, the
// kernel tells later whether one has come, even if it has gone again.
func (s *Sessions) end() {
	s.over = true
	s.keep(s.again())
}

// again opens the same FIFO, whatever its name leads to; nil where it cannot.
func (s *Sessions) again() (file *os.File) {
	_ = sys.Control(s.file, func(fd int) (err error) {
		file, err = OpenReader(fmt.Sprintf("/proc/self/fd/%d", fd))
		return err
	})
	return file
}

// keep replaces since.
func (s *Sessions) keep(since *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since != nil && s.since != s.file {
		_ = s.since.Close()
	}
	s.since = since
	select {
	case <-s.closed:
		if since != nil {
			_ = since.Close()
		}
	default:
	}
}

// Reader is Read with this ctx, for package io and package bufio.
func (s *Sessions) Reader(ctx context.Context) io.Reader { return &session{ctx, s} }

type session struct {
	ctx      context.Context
	sessions *Sessions
}

func (s *session) Read(buffer []byte) (int, error) { return s.sessions.Read(s.ctx, buffer) }

func read(fd int, buffer []byte) (n int, err error) {
	err = sys.Again(func() error { n, err = unix.Read(fd, buffer); return err })
	return n, err
}
