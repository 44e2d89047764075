package main

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/poll"
)

// A client is one at the other end, as the server knows it: its FIFO, open for writing
// from its first request until it leaves.
type client struct {
	*fifo.RecordWriter
	name         string
	info         fs.FileInfo // of the FIFO
	registration *poll.Registration
	wanted       poll.Events
	owed         [][]byte // answers that there was no room for
}

var errFull = errors.New("too many clients")

// client returns the one of that name. It looks at the name each time: whoever had it may
// be gone, and we not have heard yet.
func (s *server) client(name string) (*client, error) {
	info, err := os.Lstat(replyPath(s.folder, name)) // of a link it is the link's
	if err != nil {
		return nil, err
	}
	if info.Mode().Type() != fs.ModeNamedPipe {
		return nil, fifo.ErrNotFIFO // opening alone could do harm
	}
	if known := s.clients[name]; known != nil {
		if os.SameFile(known.info, info) {
			return known, nil
		}
		s.dismiss(known)
	}
	return s.admit(&client{name: name, info: info})
}

// admit opens the FIFO. Who cannot be admitted is hung up on, if it is there.
func (s *server) admit(c *client) (*client, error) {
	file, err := fifo.OpenWriter(replyPath(s.folder, c.name))
	if errors.Is(err, unix.ENXIO) {
		s.unlink(c) // it was killed before we came to its request
	}
	if err != nil {
		return nil, err
	}
	if err := s.check(c, file); err != nil {
		_ = file.Close()
		return nil, err
	}
	c.registration, err = s.set.Add(c, 0, poll.Level) // of its end it tells unasked
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	s.clients[c.name] = c
	return c, nil
}

// check makes sure that what was opened is what was looked at, and not what a link led
// to that came between.
func (s *server) check(c *client, file *os.File) error {
	opened, err := file.Stat()
	switch {
	case err != nil:
		return err
	case !os.SameFile(opened, c.info):
		return fifo.ErrReplaced
	case len(s.clients) >= s.most:
		return errFull
	}
	c.RecordWriter, err = fifo.NewRecordWriter(file)
	return err
}

// pay writes the answers for which there is room, each whole or not at all.
func (c *client) pay() error {
	for len(c.owed) > 0 {
		err := c.TryWrite(c.owed[0])
		if errors.Is(err, fifo.ErrFull) {
			return c.want(poll.Writable)
		}
		if err != nil {
			return err // EPIPE: it has gone
		}
		c.owed = c.owed[1:]
	}
	return c.want(0)
}

func (c *client) want(events poll.Events) error {
	if c.wanted == events {
		return nil
	}
	c.wanted = events
	return c.registration.Modify(events)
}

// dismiss forgets a client: one that has gone cannot clear away what it has left, and one
// that lives reads what is there, and then the end.
func (s *server) dismiss(c *client) {
	c.registration.Remove()
	delete(s.clients, c.name)
	s.unlink(c)
	_ = c.Close()
}

// unlink removes the FIFO, unless another has its name by now.
func (s *server) unlink(c *client) {
	path := replyPath(s.folder, c.name)
	if info, err := os.Lstat(path); err == nil && os.SameFile(info, c.info) {
		_ = fifo.Remove(path) // and nothing else
	}
}
