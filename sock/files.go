package sock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Count is how many descriptors a message is to bring.
type Count struct{ least, most int }

// Exactly is that number of descriptors, 0 to MaxFiles.
func Exactly(n int) Count { return Count{n, n} }

// AtMost is any number of descriptors up to that. On a Stream, only that makes sense
// where the caller does not know with which bytes they come.
func AtMost(n int) Count { return Count{0, n} }

func (c Count) String() string {
	if c.least == c.most {
		return fmt.Sprintf("%d", c.most)
	}
	return fmt.Sprintf("at most %d", c.most)
}

// lend calls f with the descriptors of files, none of which is closed, and its
// number given to another file, meanwhile.
func lend(files []*os.File, fds []int, f func([]int) error) error {
	if len(files) == 0 {
		return f(fds)
	}
	return sys.Control(files[0], func(fd int) error { return lend(files[1:], append(fds, fd), f) })
}

// parse makes files of every descriptor that came, before anybody judges them: one
// that is not taken would stay open for ever.
func (m *Message) parse(control []byte) error {
	parts, err := unix.ParseSocketControlMessage(control)
	for i := range parts {
		part := &parts[i]
		if part.Header.Level != unix.SOL_SOCKET {
			continue
		}
		switch part.Header.Type {
		case unix.SCM_RIGHTS:
			fds, _ := unix.ParseUnixRights(part)
			for _, fd := range fds {
				file, lacking := received(fd)
				err = errors.Join(err, lacking)
				m.Files = append(m.Files, file)
			}
		case unix.SCM_CREDENTIALS:
			cred, _ := unix.ParseUnixCredentials(part)
			m.Cred = newCred(cred)
		case unix.SCM_PIDFD:
			var lacking error
			m.Pidfd, lacking = parsePidfd(part.Data)
			err = errors.Join(err, lacking)
		}
	}
	return err
}

// check makes sure that the message is what was expected.
func (m *Message) check(flags int, expected Count) error {
	switch got := len(m.Files); {
	case flags&unix.MSG_CTRUNC != 0 && descriptorLeft():
		return fmt.Errorf("%w: want %v, got %d, and the kernel kept others back", ErrFiles, expected, got)
	case flags&unix.MSG_CTRUNC != 0:
		return fmt.Errorf("%w: %w", ErrFiles, sys.OpenLimit(unix.EMFILE)) // there was room for MaxFiles in the buffer
	case got < expected.least || got > expected.most:
		return fmt.Errorf("%w: want %v, got %d", ErrFiles, expected, got)
	}
	return nil
}

// descriptorLeft reports whether the process can open one more.
func descriptorLeft() bool {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	_ = unix.Close(fd)
	return err == nil
}

// CloseAll closes files; nil ones are passed over.
func CloseAll(files []*os.File) {
	for _, file := range files {
		if file != nil {
			_ = file.Close()
		}
	}
}
