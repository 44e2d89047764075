package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A link carries bytes both ways between two processes, in order. Its calls
// park in the netpoller, and deadlines interrupt them.
type link interface {
	io.ReadCloser
	// WriteRecord writes header and body, as one packet where there are
	// packets and it fits.
	WriteRecord(header, body []byte) (int, error)
	// TryWrite writes what there is room for at once.
	TryWrite(p []byte) (int, error)
	// Settle waits until Close loses nothing of what was written.
	Settle(until time.Time) error
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// An end is one direction of a link, or both: a file or a socket of the
// netpoller.
type end interface {
	io.ReadWriteCloser
	syscall.Conn
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// A byteLink is a link over byte streams: a socket, or a FIFO each way.
type byteLink struct {
	in, out end

	small  []byte      // a short record, header and body
	pair   [2][]byte   // a long one
	gather net.Buffers // over pair; fields, so that no call allocates
}

// copyBelow is the size of a body in bytes below which a copy behind its
// header is cheaper than a gathering write.
const copyBelow = 4096

func (l *byteLink) WriteRecord(header, body []byte) (int, error) {
	if len(body) < copyBelow {
		l.small = append(append(l.small[:0], header...), body...)
		return l.out.Write(l.small)
	}
	l.pair = [2][]byte{header, body}
	l.gather = l.pair[:]
	n, err := l.gather.WriteTo(l.out)
	l.pair[1] = nil // the body is the caller's again
	return int(n), err
}

func (l *byteLink) TryWrite(p []byte) (n int, err error) {
	raw, err := l.out.SyscallConn()
	if err != nil {
		return 0, err
	}
	var inner error
	err = raw.Write(func(fd uintptr) bool {
		inner = sys.Again(func() (err error) { n, err = unix.Write(int(fd), p); return err })
		return true // whatever came of it: no waiting
	})
	if err == nil {
		err = os.NewSyscallError("write", inner)
	}
	return max(n, 0), err
}

// Settle has nothing to wait for: within a machine, what was written is the
// reader's, whatever becomes of us.
func (l *byteLink) Settle(time.Time) error { return nil }

func (l *byteLink) Read(p []byte) (int, error)         { return l.in.Read(p) }
func (l *byteLink) SetReadDeadline(t time.Time) error  { return l.in.SetReadDeadline(t) }
func (l *byteLink) SetWriteDeadline(t time.Time) error { return l.out.SetWriteDeadline(t) }

func (l *byteLink) Close() error {
	err := l.out.Close()
	if l.in != l.out {
		err = errors.Join(err, l.in.Close())
	}
	return err
}
