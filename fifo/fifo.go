// Package fifo makes and opens named pipes without ever holding a thread
// (fifo(7), mkfifo(3)). What it opens parks in the netpoller and obeys
// deadlines.
package fifo

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// ErrNotFIFO is a file of another kind where a FIFO was asked for.
var ErrNotFIFO = errors.New("not a FIFO")

// Make makes a FIFO with the given permissions, less the umask.
func Make(path string, perm fs.FileMode) error {
	if err := unix.Mkfifo(path, uint32(perm.Perm())); err != nil {
		return &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	return nil
}

// OpenReader opens the FIFO for reading. It does not wait for a writer: until
// the first one comes, reads return io.EOF, as they do after the last has gone.
func OpenReader(path string) (*os.File, error) { return open(path, os.O_RDONLY) }

// OpenWriter opens the FIFO for writing. It does not wait for a reader: without
// one the error is ENXIO. Writes fail with EPIPE after the last reader has gone.
func OpenWriter(path string) (*os.File, error) { return open(path, os.O_WRONLY) }

// OpenBoth opens the FIFO for reading and writing: it never waits, and its
// reads never end (Linux's extension).
func OpenBoth(path string) (*os.File, error) { return open(path, os.O_RDWR) }

// Enlarge asks for a FIFO that holds the size in bytes, and leaves it as it is
// where the kernel allows no more (pipe(7), fs.pipe-max-size and
// fs.pipe-user-pages-soft). It returns what the FIFO holds.
func Enlarge(file *os.File, size int) (capacity int, err error) {
	err = sys.Control(file, func(fd int) error {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, size); err != nil && !errors.Is(err, unix.EPERM) {
			return os.NewSyscallError("fcntl", err)
		}
		capacity, err = unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
		return os.NewSyscallError("fcntl", err)
	})
	return capacity, err
}

func open(path string, mode int) (*os.File, error) {
	file, err := os.OpenFile(path, mode|unix.O_NONBLOCK, 0)
	if err != nil {
		if info, absent := os.Stat(path); absent == nil && !isFIFO(info) { // a socket fails with ENXIO
			err = &os.PathError{Op: "open", Path: path, Err: ErrNotFIFO}
		}
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !isFIFO(info) {
		err = &os.PathError{Op: "open", Path: path, Err: ErrNotFIFO}
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func isFIFO(info fs.FileInfo) bool { return info.Mode().Type() == fs.ModeNamedPipe }
