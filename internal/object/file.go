package object

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/shm"
)

// A file is file:NAME?size=SIZE&mode=MODE. Without a size it is made empty.
type file struct {
	place
	size int
	mode fs.FileMode
}

func newFile(a *driver.Address) (Object, error) {
	place, err := placeOf(a)
	return &file{place, a.Size("size", 0, 0, largestSize), mode(a)}, err
}

func (f *file) Make(ctx context.Context) error {
	return f.make(ctx, func() error {
		if f.size == 0 {
			return makeEmpty(f.path, f.mode)
		}
		segment, err := shm.CreateFile(f.path, int64(f.size), f.mode)
		if err != nil {
			return err
		}
		return segment.Close()
	})
}

func makeEmpty(path string, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(file.Chmod(mode), file.Close())
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

func (f *file) Remove() error { return f.remove(0, errNotRegular) }

func (f *file) Stat() (Stat, error) { return stat(f.Address(), f.path, 0, errNotRegular) }

func (f *file) Open() (Bytes, error) { return openRegular(f.path) }

// regular is an open file, and how large it was then.
type regular struct {
	*os.File
	size int64
}

func (r regular) Size() int64 { return r.size }

// openRegular waits for nobody, whatever is at the path. Reading it, rather than
// mapping it, a truncation is the end of the file, and a hole takes no memory.
func openRegular(path string) (Bytes, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return regular{file, info.Size()}, nil
}
