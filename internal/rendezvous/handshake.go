package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/sys"
)

// HandshakeTime is how long a peer may take to say its hello. It is generous,
// for a machine under load; nobody waits for it but the peer.
const HandshakeTime = 10 * time.Second

var (
	// ErrSilent is a handshake that went on for too long.
	ErrSilent = fmt.Errorf("%w: it said no hello within %v: %w", driver.ErrProtocol, HandshakeTime, os.ErrDeadlineExceeded)
	// ErrHungUp is a peer that left in the middle of the handshake.
	ErrHungUp = fmt.Errorf("%w: it hung up instead of saying hello (is it kith?)", driver.ErrProtocol)
)

// Meet dials, handshake and all, and once again where the peer hung up in it: it
// may have been closing, with us in its queue. Then the second time finds nobody,
// or the one who listens there now. A process that dies closes one socket after
// the other, so the second time is a moment later.
func Meet(ctx context.Context, dial func() (driver.Conn, error)) (driver.Conn, error) {
	conn, err := dial()
	if !errors.Is(err, ErrHungUp) {
		return conn, err
	}
	if err := pause(ctx); err != nil {
		return nil, err
	}
	return dial()
}

// HungUp makes one error of the many that say the peer has left.
func HungUp(err error) error {
	for _, left := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(err, left) {
			return ErrHungUp
		}
	}
	return err
}

// LastWords is why a peer hung up in a handshake, where it said so: a refusal may still
// lie in the socket, though to write to it, or the first read, was an error already. It
// waits for nothing.
func LastWords(socket syscall.Conn, form uint8, err error) error {
	if !errors.Is(err, ErrHungUp) {
		return err
	}
	record, n := make([]byte, HelloSize), 0
	_ = sys.Control(socket, func(fd int) (err error) {
		n, _, err = unix.Recvfrom(fd, record, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.ECONNRESET) { // which comes ahead of packets
			n, _, err = unix.Recvfrom(fd, record, unix.MSG_DONTWAIT)
		}
		return err
	})
	if _, refused := ParseHello(record[:max(n, 0)], form); errors.Is(refused, errRefused) {
		return refused
	}
	return err
}
