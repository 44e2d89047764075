package object

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/fifo"
	"kith/internal/sys"
	"kith/ipc"
)

// A namedPipe is fifo:NAME?mode=MODE.
type namedPipe struct {
	place
	mode fs.FileMode
}

func newFIFO(a *driver.Address) (Object, error) {
	place, err := placeOf(a)
	return &namedPipe{place, mode(a)}, err
}

func (p *namedPipe) Make(ctx context.Context) error {
	return p.make(ctx, func() error {
		if err := fifo.Make(p.path, p.mode); err != nil {
			return err
		}
		if err := setMode(p.path, p.mode); err != nil {
			return errors.Join(err, os.Remove(p.path))
		}
		return nil
	})
}

func (p *namedPipe) Remove() error { return p.remove(fs.ModeNamedPipe, fifo.ErrNotFIFO) }

func (p *namedPipe) Stat() (Stat, error) {
	return stat(p.Address(), p.path, fs.ModeNamedPipe, fifo.ErrNotFIFO)
}

// ErrNoReader is a FIFO that nobody is seen to read. To look into it, one has to
// open it for reading; then a writer who waits for a reader would go on, and what
// it writes would be lost.
var ErrNoReader = errors.New("no process is seen to have it open for reading, and a look would let in a writer who waits for one")

// Open copies what is in the FIFO and leaves it there (tee(2)). Another process
// must have it open for reading, and be ours to be seen, or the error is
// ErrNoReader. (One that closes it at this very moment is seen too late.)
func (p *namedPipe) Open() (Bytes, error) {
	if _, err := p.Stat(); err != nil { // before all processes are looked at
		return nil, err
	}
	read, err := isRead(p.path)
	if err == nil && !read {
		err = &os.PathError{Op: "open", Path: p.path, Err: ErrNoReader}
	}
	if err != nil {
		return nil, err
	}
	reader, err := fifo.OpenReader(p.path)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	held, err := copyOf(reader)
	if err != nil {
		return nil, &os.PathError{Op: "tee", Path: p.path, Err: err}
	}
	return inMemory{bytes.NewReader(held)}, nil
}

// inMemory needs no Close.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// copyOf is what a FIFO holds, through a pipe of our own that is as large.
func copyOf(reader *os.File) (held []byte, err error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	defer in.Close()
	n, err := tee(reader, in)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil, nil // it is empty
	case err != nil || n == 0:
		return nil, err
	}
	held = make([]byte, n)
	n, err = out.Read(held) // all of it, as a pipe gives what it has
	return held[:n], err
}

func tee(from, to *os.File) (n int, err error) {
	err = sys.Control(from, func(source int) error {
		capacity, err := unix.FcntlInt(uintptr(source), unix.F_GETPIPE_SZ, 0)
		if err != nil {
			return err
		}
		room, err := fifo.Enlarge(to, capacity)
		if err != nil {
			return err
		}
		if room < capacity { // else the end would be missing, and nobody told
			return &ipc.LimitError{Limit: "pipe-user-pages-soft", Raise: "/proc/sys/fs/pipe-user-pages-soft", Err: unix.EPERM}
		}
		return sys.Control(to, func(target int) error {
			copied, err := unix.Tee(source, target, capacity, unix.SPLICE_F_NONBLOCK)
			n = int(copied)
			return err
		})
	})
	return n, err
}
