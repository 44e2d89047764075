package kith

import (
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// WriteTo writes what comes until the peer's end, straight out of the memory where
// it lies. A Read beside it gets its turn between two messages. Close does not wait for the
// destination: the memory is ours until it has returned.
func (c *netConn) WriteTo(w io.Writer) (n int64, err error) {
	for more := true; more && err == nil; {
		var passed int
		passed, more, err = c.pass(w)
		n += int64(passed)
	}
	return n, err
}

// pass writes what there is of one message. At the peer's end there is no more; an io.EOF of
// the destination's is an error like any other.
func (c *netConn) pass(w io.Writer) (n int, more bool, err error) {
	ctx := c.until.context()
	if err := c.take(ctx, c.reading); err != nil {
		return 0, false, c.failed("read", err)
	}
	defer c.endReading()
	if err := c.next(ctx); errors.Is(err, io.EOF) {
		return 0, false, nil
	} else if err != nil {
		return 0, false, c.failed("read", err)
	}
	n, err = w.Write(c.rest)
	n = max(0, min(n, len(c.rest)))
	if n < len(c.rest) && err == nil {
		err = io.ErrShortWrite
	}
	return c.taken(n), true, err
}

// ReadFrom writes what src has until its end. A regular file is read straight into the
// memory where the peer finds it; another source might keep us waiting there, and with us every
// Write beside it.
func (c *netConn) ReadFrom(src io.Reader) (n int64, err error) {
	if _, copies := c.conn.(*copying); copies || !isFile(src) {
		return io.Copy(struct{ io.Writer }{c}, src)
	}
	for err == nil {
		var filled int
		filled, err = c.fill(src)
		n += int64(filled)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// fill sends one message of what a Read of src brings.
func (c *netConn) fill(src io.Reader) (n int, err error) {
	ctx := c.by.context()
	if err := c.take(ctx, c.writing); err != nil {
		return 0, c.failed("write", err)
	}
	defer c.writing.leave()
	room, err := c.conn.Reserve(ctx, c.piece)
	if err != nil {
		return 0, c.failed("write", err)
	}
	n, err = src.Read(room)
	if n <= 0 {
		c.conn.Discard()
		return 0, err
	}
	if failed := c.conn.Commit(ctx, n); failed != nil {
		return 0, c.failed("write", failed)
	}
	return n, err
}

// isFile reports whether src is a regular file, or so many bytes of one. (What os.File itself
// hands on, where io.Copy asks it, is a type without a name.)
func isFile(src io.Reader) bool {
	if limited, is := src.(*io.LimitedReader); is {
		src = limited.R
	}
	file, is := src.(interface {
		fs.File
		syscall.Conn
	})
	if !is {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}
