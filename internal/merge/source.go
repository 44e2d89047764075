package merge

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ipc"
)

// ErrLong is what Say is told of a source that has a line longer than MaxLine, or than
// MaxHeld allows: it is written in pieces.
var ErrLong = errors.New("a line is too long to be kept, and is written in pieces")

// ErrTwice is a source that is there already, and can be read by one only.
var ErrTwice = errors.New("given twice: each of the two would lack what the other reads")

// ErrOutput is a file that is the output, too.
var ErrOutput = errors.New("it is the output, and would never end")

// An identity is what a path names.
type identity struct{ device, inode uint64 }

func identityOf(stat *unix.Stat_t) identity { return identity{stat.Dev, stat.Ino} }

// AddPath adds what there is at a path: a FIFO, a file, a device, or a stream socket
// that listens there. Errors are told by Say.
func (m *Merge) AddPath(name, path string) {
	s := m.newStream(name, m.out, m.Format)
	if m.Follow {
		s.follow = &follower{path: path}
		if err := m.watch(s); err != nil {
			s.fail(err)
			return
		}
	}
	s.open(path)
}

// open opens the path, without ever waiting.
func (s *stream) open(path string) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENXIO) && isSocket(path):
		s.appeared()
		s.atEnd = s.finish // what was there before may have gone on
		s.dial("unix", path)
	case err != nil && s.follow != nil && awaitable(err):
		s.lacks(err)
	case err != nil:
		s.fail(sys.OpenLimit(err))
	default:
		s.opened(fd)
	}
}

func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Type() == fs.ModeSocket
}

// opened looks what it is that was opened.
func (s *stream) opened(fd int) {
	var stat unix.Stat_t
	err := unix.Fstat(fd, &stat)
	file := newFile(fd)
	if err == nil {
		err = s.admit(&stat)
	}
	if err != nil {
		_ = file.conn.Close()
		s.fail(err)
		return
	}
	if s.follow != nil {
		s.followOn(file, &stat)
	}
	if !s.ended {
		s.attach(file)
	}
}

// newFile has a file closed by its owner alone, and keeps it out of Go's own poller,
// which would hear of all that is written, too.
func newFile(fd int) *descriptor {
	_ = unix.SetNonblock(fd, false)
	file := os.NewFile(uintptr(fd), "")
	_ = unix.SetNonblock(fd, true)
	return &descriptor{file, unix.Read}
}

// admit refuses what cannot be read here.
func (s *stream) admit(stat *unix.Stat_t) error {
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return unix.EISDIR
	case unix.S_IFIFO:
		if s.m.taken[identityOf(stat)] {
			return ErrTwice
		}
		s.m.taken[identityOf(stat)] = true
		s.fifo = true
	case unix.S_IFREG:
		if s.m.isOutput(stat) {
			return ErrOutput
		}
	}
	return nil
}

func (m *Merge) isOutput(stat *unix.Stat_t) bool {
	var out unix.Stat_t
	err := sys.Control(m.Stdout, func(fd int) error { return unix.Fstat(fd, &out) })
	return err == nil && identityOf(&out) == identityOf(stat)
}

// AddStdin adds standard input. It is not made non-blocking, which would change
// it for everybody who shares it.
func (m *Merge) AddStdin(name string, stdin *os.File) {
	s := m.newStream(name, m.out, m.Format)
	var stat unix.Stat_t
	err := sys.Control(stdin, func(fd int) error { return unix.Fstat(fd, &stat) })
	switch {
	case err != nil:
	case m.stdin:
		err = ErrTwice
	default:
		err = s.admit(&stat)
	}
	if err != nil {
		s.fail(err)
		return
	}
	m.stdin = true
	read := unix.Read
	if kind := stat.Mode & unix.S_IFMT; kind == unix.S_IFIFO || kind == unix.S_IFSOCK {
		read = readNow
	}
	s.attach(&descriptor{stdin, read})
}

// readNow reads without waiting, where the kernel can: another process may take what
// there is just now.
func readNow(fd int, p []byte) (int, error) {
	n, err := unix.Preadv2(fd, [][]byte{p}, -1, unix.RWF_NOWAIT)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return unix.Read(fd, p)
	}
	return n, err
}

// AddSocket adds a stream socket that listens, as of package net: "tcp" or "unix".
func (m *Merge) AddSocket(name, network, address string) {
	m.newStream(name, m.out, m.Format).dial(network, address)
}

// dial connects while others are read.
func (s *stream) dial(network, address string) {
	go func() {
		conn, err := (&net.Dialer{}).DialContext(s.m.ctx, network, address)
		if !s.m.later(func() { s.dialed(conn, err) }) && err == nil {
			_ = conn.Close()
		}
	}()
}

func (s *stream) dialed(conn net.Conn, err error) {
	switch {
	case s.ended:
		if err == nil {
			_ = conn.Close()
		}
	case err != nil:
		s.fail(err)
	default:
		s.attach(&descriptor{conn.(interface {
			net.Conn
			syscall.Conn
		}), unix.Read})
	}
}

// cause is the kernel's word, without what the call and its object are named.
func cause(err error) error {
	if limit, is := errors.AsType[*ipc.LimitError](err); is {
		return limit
	}
	if errno, is := errors.AsType[syscall.Errno](err); is {
		return errno
	}
	return err
}
