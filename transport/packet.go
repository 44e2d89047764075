package transport

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// A packetLink is a link over sequenced packets. A record that fits goes as
// one packet, a longer one in several; the bytes mean the same however they
// are cut, so the receiver need not know.
type packetLink struct {
	byteLink
	largest int    // the largest packet we send, bytes
	coming  int    // the largest packet the peer sends, bytes; until its hello, that
	spill   []byte // room for one
	held    []byte // of spill: what no Read has taken yet
}

func (l *packetLink) WriteRecord(header, body []byte) (int, error) {
	if len(header)+len(body) <= l.largest {
		return l.byteLink.WriteRecord(header, body)
	}
	written, err := l.out.Write(header) // alone, so that the pieces land where they belong
	for rest := body; err == nil && len(rest) > 0; {
		var n int
		n, err = l.out.Write(rest[:min(len(rest), l.largest)])
		written, rest = written+n, rest[n:]
	}
	return written, err
}

// Read reads the bytes of the next packet. Where the peer has closed without
// having read everything, the kernel says ECONNRESET once, ahead of the packets
// that still lie there. And it may say that the end has come ahead of the last
// packet, if that and the end come just as we look: see transfer.end in sock.
func (l *packetLink) Read(p []byte) (n int, err error) {
	for range 3 {
		n, err = l.read(p)
		if !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, io.EOF) {
			break
		}
	}
	return n, err
}

// read reads a whole packet into p where p is large enough for any: the
// kernel throws away what does not fit. Else the packet goes through spill.
func (l *packetLink) read(p []byte) (int, error) {
	if len(l.held) == 0 {
		if len(p) >= l.coming {
			return l.in.Read(p)
		}
		if l.spill == nil {
			l.spill = make([]byte, l.coming)
		}
		n, err := l.in.Read(l.spill)
		if err != nil {
			return 0, err
		}
		l.held = l.spill[:n]
	}
	n := copy(p, l.held)
	l.held = l.held[n:]
	return n, nil
}
