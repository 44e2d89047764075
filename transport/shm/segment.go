package shm

import (
	"errors"
	"fmt"
	"os"

	"kith/driver"
	"kith/internal/sys"
	"kith/ring"
	"kith/shm"
)

// makeSegment makes this side's segment, and maps it before it is sealed: it is the
// only mapping that can ever write it. The file is for the peer.
func makeSegment(size int) (memory []byte, file *os.File, err error) {
	if page := os.Getpagesize(); page > ring.ControlSize {
		return nil, nil, fmt.Errorf("%w: this machine's pages have %d bytes, the layout is for %d", errors.ErrUnsupported, page, ring.ControlSize)
	}
	file, err = shm.Memfd("kith", int64(ring.ControlSize+size))
	if err != nil {
		return nil, nil, err
	}
	memory, err = sys.MapRing(file, ring.ControlSize, size, true)
	if err == nil {
		err = shm.Seal(file, shm.WriterSeals)
	}
	if err == nil { // another process of ours may have got at it before the seals, by /proc
		err = shm.Verify(file, int64(ring.ControlSize+size), shm.WriterSeals)
	}
	if err == nil {
		ring.Sign(memory, size)
	}
	if err != nil {
		_ = sys.Unmap(memory)
		_ = file.Close()
		return nil, nil, err
	}
	return memory, file, nil
}

// openSegment maps the peer's segment to read it, once it has made sure that
// the peer can take none of it back.
func openSegment(file *os.File, size uint64) ([]byte, error) {
	if !ring.ValidSize(size) {
		return nil, fmt.Errorf("%w: a ring of %d bytes", driver.ErrProtocol, size)
	}
	if err := shm.Verify(file, int64(ring.ControlSize+size), shm.WriterSeals); err != nil {
		return nil, fmt.Errorf("%w: %w", driver.ErrProtocol, err)
	}
	return sys.MapRing(file, ring.ControlSize, int(size), false)
}
