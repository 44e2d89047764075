package ring

import "errors"

// HeaderSize is the size of a Header in bytes, in memory and on a stream.
const HeaderSize = 8

// A Header opens every record, in shared memory and on a stream alike:
//
//	 63      56 55                                      0
//	+----------+-----------------------------------------+
//	|   kind   |        length of the body, bytes        |
//	+----------+-----------------------------------------+
//
// A kind is never 0, so a header of 0 is a record that is not there yet. In
// shared memory it has the machine's byte order; on a stream it is
// little-endian.
type Header uint64

// The kinds of record.
const (
	Message uint8 = 1 + iota // a whole message, or the last piece of one
	More                     // a piece of a message; the next record goes on with it
	Goodbye                  // the sender has said everything
)

const lengthMask = 1<<56 - 1

// ErrHeader is a header that no honest peer writes.
var ErrHeader = errors.New("impossible record header")

// Pack makes the header of a record.
func Pack(kind uint8, length int) Header { return Header(uint64(kind)<<56 | uint64(length)) }

// Unpack reads a header that a peer wrote: its kind, and the length of a body
// of at most limit bytes. A goodbye has no body, and a piece that goes on is
// never empty: a ring full of such pieces would have no end.
func (h Header) Unpack(limit int) (kind uint8, length int, err error) {
	kind, size := uint8(h>>56), uint64(h)&lengthMask
	if kind < Message || kind > Goodbye || size > uint64(limit) || (kind == Goodbye && size != 0) || (kind == More && size == 0) {
		return 0, 0, ErrHeader
	}
	return kind, int(size), nil
}
