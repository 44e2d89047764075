package fifo

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Open opens the FIFO for reading (os.O_RDONLY) or for writing (os.O_WRONLY), and
// waits for the other side until ctx ends: as open(2) without O_NONBLOCK, but
// without a thread. A reader returns when a writer is there, or has been there
// since Open was called; a writer when a reader is there. With os.O_RDWR, nobody is
// waited for. What it opens parks in Go's poller, obeys deadlines, and is
// non-blocking.
//
// While it waits, a reader has the FIFO open already, or writers could not go on;
// what one has written to a reader that then gives up goes with the last reader. A
// writer has not: nobody writes or reads on account of one that waits. It looks
// again whenever inotify(7) tells that somebody has opened the FIFO, and every 32 ms,
// as nobody tells of a reader that is itself blocked in open(2). A reader that has
// come and gone between two looks was not there.
//
// Errors: the cause of ctx's end; ErrReplaced where the FIFO is removed, renamed or
// replaced meanwhile (a directory above it: within a second); EINVAL for another
// flag; and those of OpenReader.
func Open(ctx context.Context, path string, flag int) (*os.File, error) {
	if ctx.Err() != nil {
		return nil, failed("open", path, context.Cause(ctx))
	}
	switch flag {
	case os.O_RDONLY:
		return awaitWriter(ctx, path)
	case os.O_WRONLY:
		file, err := OpenWriter(path)
		if errors.Is(err, unix.ENXIO) {
			return awaitReader(ctx, path)
		}
		return file, err
	case os.O_RDWR:
		return OpenBoth(path)
	}
	return nil, failed("open", path, unix.EINVAL)
}

func awaitWriter(ctx context.Context, path string) (*os.File, error) {
	file, err := OpenReader(path)
	if err != nil {
		return nil, err
	}
	m, err := newMeeting(path, file)
	if err == nil {
		m.told = true
		m.look = func() (bool, error) {
			return m.writer(func() (bool, error) { return writerCame(file) })
		}
		err = m.wait(ctx)
	}
	if err != nil {
		_ = file.Close()
		return nil, failed("open", path, err)
	}
	return file, nil
}

// awaitReader keeps hold of the FIFO without opening it (O_PATH, open(2)).
func awaitReader(ctx context.Context, path string) (file *os.File, err error) {
	pinned, err := os.OpenFile(path, unix.O_PATH, 0)
	if err != nil {
		return nil, failed("open", path, openError(path, unix.O_PATH, cause(err)))
	}
	defer pinned.Close()
	if err := check(pinned); err != nil {
		return nil, failed("open", path, err)
	}
	m, err := newMeeting(path, pinned)
	if err == nil {
		m.look = func() (bool, error) { file, err = m.reader(); return file != nil, err }
		err = m.wait(ctx)
	}
	return file, failed("open", path, err)
}
