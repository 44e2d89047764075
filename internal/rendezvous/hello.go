package rendezvous

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"kith/driver"
)

// HelloSize is the size of the first thing that each side says, in bytes.
const HelloSize = 64

// Version is the one version of the protocol there is so far.
const Version = 1

// The forms of a connection, which both sides must mean alike.
const (
	Stream uint8 = 1 + iota // records follow on the same descriptor
	Shared                  // records are in shared memory; the descriptor wakes and tells death
)

// A Hello is what each side says first. All numbers are little-endian:
//
//	 0  8  magic "kith\r\n\x1a\n" (shows a transfer that mends line ends)
//	 8  1  byte order of the sender's memory: 1 little, 2 big
//	 9  1  oldest version it speaks
//	10  1  newest version it speaks
//	11  1  exchange: 1 Conn
//	12  1  form: 1 stream, 2 shared memory
//	13  1  1: it makes a memory barrier of all processes before it parks (shared memory)
//	14  2  zero
//	16  4  refusal: the errno that keeps it from talking to us, or 0
//	20  4  zero
//	24  8  largest message it takes, bytes
//	32  8  largest packet it sends, bytes (unixpacket), or 0
//	40  8  size of the ring it writes, bytes (shared memory), or 0
//	48  8  session: the dialer's random number, repeated by the listener (fifo), or 0
//	56  8  zero
type Hello struct {
	Order          uint8
	Oldest, Newest uint8
	Form           uint8
	Barrier        bool
	Refusal        syscall.Errno
	Limit          uint64
	Packet         uint64
	Ring           uint64
	Session        uint64
}

const exchangeConn = 1

// errRefused is the peer's no. The errno behind it is the peer's trouble.
var errRefused = errors.New("the peer refused")

var magic = []byte("kith\r\n\x1a\n")

// NewHello is this side's hello, for a Conn of the given form.
func NewHello(form uint8, limit int) Hello {
	return Hello{Order: nativeOrder(), Oldest: Version, Newest: Version, Form: form, Limit: uint64(limit)}
}

// Refuse is the hello that says why there will be no connection.
func Refuse(form uint8, why syscall.Errno) Hello {
	h := NewHello(form, 0)
	h.Refusal = why
	return h
}

// Bytes is the hello as it travels.
func (h Hello) Bytes() []byte {
	b := make([]byte, HelloSize)
	copy(b, magic)
	b[8], b[9], b[10], b[11], b[12] = h.Order, h.Oldest, h.Newest, exchangeConn, h.Form
	if h.Barrier {
		b[13] = 1
	}
	binary.LittleEndian.PutUint32(b[16:], uint32(h.Refusal))
	binary.LittleEndian.PutUint64(b[24:], h.Limit)
	binary.LittleEndian.PutUint64(b[32:], h.Packet)
	binary.LittleEndian.PutUint64(b[40:], h.Ring)
	binary.LittleEndian.PutUint64(b[48:], h.Session)
	return b
}

// ParseHello reads a peer's hello, and checks that the two can talk: the
// same protocol, form and byte order, and a version that both know.
func ParseHello(b []byte, form uint8) (Hello, error) {
	if len(b) != HelloSize || !bytes.HasPrefix(b, magic) || b[11] != exchangeConn {
		return Hello{}, fmt.Errorf("%w: its first bytes are no hello of kith's (does another program listen or dial here?)", driver.ErrProtocol)
	}
	h := Hello{
		Order: b[8], Oldest: b[9], Newest: b[10], Form: b[12], Barrier: b[13] == 1,
		Refusal: syscall.Errno(binary.LittleEndian.Uint32(b[16:])),
		Limit:   binary.LittleEndian.Uint64(b[24:]),
		Packet:  binary.LittleEndian.Uint64(b[32:]),
		Ring:    binary.LittleEndian.Uint64(b[40:]),
		Session: binary.LittleEndian.Uint64(b[48:]),
	}
	return h, h.check(form)
}

func (h Hello) check(form uint8) error {
	switch {
	case h.Oldest > Version || h.Newest < Version:
		return fmt.Errorf("%w: it knows %d to %d, we know %d", driver.ErrVersion, h.Oldest, h.Newest, Version)
	case h.Order != nativeOrder():
		return fmt.Errorf("%w: its memory has another byte order", driver.ErrVersion)
	case h.Form != form:
		return fmt.Errorf("%w: it means form %d, we mean %d (do both sides use the same scheme?)", driver.ErrProtocol, h.Form, form)
	case h.Refusal == syscall.EACCES:
		return fmt.Errorf("%w: %w (it admits its own user, and whom its address has in allow-uid= or allow-gid=)", errRefused, h.Refusal)
	case h.Refusal != 0:
		return fmt.Errorf("%w: %w", errRefused, h.Refusal)
	case h.Limit == 0 || h.Limit > driver.MaxLimit:
		return fmt.Errorf("%w: its message limit is %d bytes", driver.ErrProtocol, h.Limit)
	}
	return nil
}

func nativeOrder() uint8 {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return 1
	}
	return 2
}
