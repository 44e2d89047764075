package fifo

import (
	"cmp"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// writer looks for a writer. Who came before the name was gone has come.
func (m *meeting) writer(came func() (bool, error)) (bool, error) {
	there, err := came()
	if there || err != nil {
		return there, err
	}
	gone := m.inPlace()
	if gone != nil {
		there, err = came()
	}
	if there || err != nil {
		return there, err
	}
	return false, gone
}

// writerCame reports whether there is a writer, or has been since the file was
// opened for reading.
func writerCame(file *os.File) (came bool, err error) {
	err = sys.Control(file, func(fd int) error {
		if came, err = writerThere(fd); came || err != nil {
			return err
		}
		came, err = ready(fd, unix.POLLIN) // POLLHUP: it has gone, since the file was opened
		return err
	})
	return came, err
}

// writerThere reports whether there is a writer, or something that one wrote.
func writerThere(fd int) (bool, error) {
	err := sys.PeekPipe(fd)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EFAULT) {
		return true, nil
	}
	return false, err
}

// reader opens the FIFO for writing, if there is a reader: else it is nil. A FIFO
// that has the name by now is not touched, if we are in time: its reader would see a
// writer come and go.
func (m *meeting) reader() (*os.File, error) {
	if err := m.inPlace(); err != nil {
		return nil, err
	}
	var fd int
	err := sys.Again(func() (err error) {
		fd, err = unix.Open(m.path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		return err
	})
	if errors.Is(err, unix.ENXIO) {
		return nil, nil
	}
	if err != nil {
		return nil, cmp.Or(m.inPlace(), openError(m.path, os.O_WRONLY, err))
	}
	file := os.NewFile(uintptr(fd), m.path)
	var stat unix.Stat_t
	if err = unix.Fstat(fd, &stat); err == nil {
		err = errors.Join(m.same(&stat), sys.Pollable(file))
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}
