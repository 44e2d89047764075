package fifo

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// OpenReader opens the FIFO for reading (fifo(7)). It does not wait for a writer:
// until the first one comes, reads return io.EOF, as they do after the last has
// gone. Open waits, and Sessions tell one from the other. Writers that are blocked
// in open(2) go on.
//
// The errors of this and of the others that open: ErrNotFIFO; EACCES, ELOOP,
// ENAMETOOLONG, ENOENT, ENOTDIR; EINVAL for a path with a zero byte. As limits:
// RLIMIT_NOFILE (EMFILE), file-max (ENFILE), pipe-user-pages-hard (ENOMEM), and
// max_user_watches of epoll(7), by which Go waits (ENOSPC).
//
// What is no FIFO may have been opened before it is known for that, and is closed
// again: nothing is read, written or truncated.
func OpenReader(path string) (*os.File, error) { return open(path, os.O_RDONLY) }

// OpenWriter opens the FIFO for writing. It does not wait for a reader: without
// one the error is ENXIO. Writes fail with EPIPE after the last reader has gone,
// and the next reader's coming makes them succeed again.
func OpenWriter(path string) (*os.File, error) { return open(path, os.O_WRONLY) }

// OpenBoth opens the FIFO for reading and writing: it never waits, and its reads
// never end (Linux's extension). It keeps the FIFO open for others: while it is
// open, their opens do not wait, what they wrote stays when they have gone, and
// writers get no EPIPE. A reader that must see the end of its writers does not
// want that: see Sessions.
func OpenBoth(path string) (*os.File, error) { return open(path, os.O_RDWR) }

// open opens what must be a FIFO. A terminal, which it may turn out to be, is not
// to become the process's own.
func open(path string, mode int) (*os.File, error) {
	file, err := os.OpenFile(path, mode|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, failed("open", path, openError(path, mode, cause(err)))
	}
	if err = check(file); err == nil {
		err = sys.Pollable(file)
	}
	if err != nil {
		_ = file.Close()
		return nil, failed("open", path, err)
	}
	return file, nil
}

// openError tells what failed. Other files fail with EISDIR, and with ENXIO: as a FIFO
// does, but only for writing.
func openError(path string, mode int, err error) error {
	other := errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO) && mode != os.O_WRONLY
	if info, absent := os.Stat(path); other || absent == nil && !isFIFO(info) {
		return ErrNotFIFO
	}
	if errors.Is(err, unix.ENOMEM) {
		return pagesLimit(err)
	}
	return sys.OpenLimit(err)
}

// check makes sure that the file is a FIFO, or a pipe.
func check(file *os.File) error {
	info, err := file.Stat()
	if err == nil && !isFIFO(info) {
		return ErrNotFIFO
	}
	return cause(err)
}
