package transport

import (
	"encoding/binary"
	"io"
	"slices"

	"kith/driver"
	"kith/ring"
)

// frames takes records out of a stream of bytes. It keeps what has arrived,
// so that a read that was interrupted can be taken up again.
//
// A record that fits the buffer is handed out where it lies. The memory for a
// larger one grows with the bytes that have arrived: what the peer declares
// allocates nothing.
type frames struct {
	source io.Reader
	limit  int // of a body, bytes
	size   int // of the buffer, bytes: what is asked of the kernel at once
	buffer []byte
	start  int // of what has not been handed out, in buffer
	end    int

	large   []byte // a body larger than the buffer, as far as it has arrived
	missing int    // bytes of it
}

// next returns the next record. Its body is valid until the call after.
func (f *frames) next() (kind uint8, body []byte, err error) {
	if f.missing > 0 {
		return f.finishLarge()
	}
	if err := f.need(ring.HeaderSize); err != nil {
		return 0, nil, err
	}
	header := ring.Header(binary.LittleEndian.Uint64(f.buffer[f.start:]))
	kind, length, err := header.Unpack(f.limit)
	if err != nil || kind == ring.More {
		return 0, nil, driver.ErrProtocol
	}
	if ring.HeaderSize+length > f.size {
		f.beginLarge(length)
		return f.finishLarge()
	}
	if err := f.need(ring.HeaderSize + length); err != nil {
		return 0, nil, err
	}
	body = f.buffer[f.start+ring.HeaderSize:][:length:length]
	f.start += ring.HeaderSize + length
	return kind, body, nil
}

// hasMessage reports whether the next record is a message that lies in the buffer as a
// whole: then next moves nothing.
func (f *frames) hasMessage() bool {
	there := f.buffer[f.start:f.end]
	if f.missing > 0 || len(there) < ring.HeaderSize {
		return false
	}
	kind, length, err := ring.Header(binary.LittleEndian.Uint64(there)).Unpack(f.limit)
	return err == nil && kind == ring.Message && len(there)-ring.HeaderSize >= length
}

// need reads until n bytes, at most the buffer's size, lie there in a row.
func (f *frames) need(n int) error {
	if f.buffer == nil {
		f.buffer = make([]byte, f.size)
	}
	if f.start == f.end {
		f.start, f.end = 0, 0
	}
	if len(f.buffer)-f.start < n {
		f.end = copy(f.buffer, f.buffer[f.start:f.end])
		f.start = 0
	}
	for f.end-f.start < n {
		got, err := f.source.Read(f.buffer[f.end:])
		f.end += got
		if err != nil {
			return err
		}
	}
	return nil
}

// beginLarge moves what has arrived of a large body, all that the buffer
// holds behind the header, into memory of its own.
func (f *frames) beginLarge(length int) {
	f.large = append(f.large[:0], f.buffer[f.start+ring.HeaderSize:f.end]...)
	f.missing = length - len(f.large)
	f.start = f.end
}

func (f *frames) finishLarge() (uint8, []byte, error) {
	for f.missing > 0 {
		f.large = slices.Grow(f.large, min(f.missing, max(len(f.large), f.size)))
		room := f.large[len(f.large):cap(f.large)]
		got, err := f.source.Read(room[:min(len(room), f.missing)])
		f.large = f.large[:len(f.large)+got]
		f.missing -= got
		if err != nil && f.missing > 0 {
			return 0, nil, err
		}
	}
	return ring.Message, f.large, nil
}
