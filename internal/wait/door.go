package wait

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A Socket is one end of a connected Unix socket in the netpoller.
type Socket interface {
	io.Closer
	syscall.Conn
	SetReadDeadline(t time.Time) error
}

// ErrHangUp is a peer that has closed its end of the door, or died. What it
// published before is in the memory.
var ErrHangUp = errors.New("the peer hung up")

// A Door is the socket at which one goroutine of a process parks, and at which
// the peer knocks to wake it. The kernel closes it when the peer dies, however
// that happens.
type Door struct {
	socket Socket
	raw    syscall.RawConn
	bridge sys.Bridge
	hungUp bool

	receive func(fd int, p []byte) (int, error)

	// One closure and its variables, made once: no wait allocates.
	take    func(fd uintptr) bool
	give    func(fd uintptr)
	knocks  [16]byte
	outcome error
}

// NewDoor parks and knocks at a socket, which it owns.
func NewDoor(socket Socket) (*Door, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	d := &Door{socket: socket, raw: raw, bridge: sys.Bridge{SetDeadline: socket.SetReadDeadline}, receive: sys.ReceiveNow}
	d.take = func(fd uintptr) bool {
		n, err := d.receive(int(fd), d.knocks[:])
		if errors.Is(err, unix.EAGAIN) {
			return false // parks, until there is something
		}
		d.outcome = err
		if n == 0 {
			d.outcome = ErrHangUp // also where err says so: ECONNRESET
		}
		return true
	}
	knock := []byte{1}
	d.give = func(fd uintptr) { _, _ = sys.SendNow(int(fd), knock) }
	return d, nil
}

// Distrust says that the peer made the socket, and may have kept our end of it.
func (d *Door) Distrust() { d.receive = sys.ReceiveShared }

// Arm makes the end of ctx interrupt Await.
func (d *Door) Arm(ctx context.Context) { d.bridge.Arm(ctx) }

// Await parks until there is a knock, which may be an old one, the peer hangs
// up, the armed context ends, or Interrupt or Close is called.
func (d *Door) Await(ctx context.Context) error {
	if d.hungUp {
		return ErrHangUp
	}
	if err := d.raw.Read(d.take); err != nil {
		return d.bridge.Cause(ctx, err)
	}
	d.hungUp = errors.Is(d.outcome, ErrHangUp)
	return d.outcome
}

// Knock wakes the peer. Where the door is full of knocks, or nobody is behind
// it, there is nothing to do.
func (d *Door) Knock() { _ = d.raw.Control(d.give) }

// Interrupt ends Await with an error until another context is armed.
func (d *Door) Interrupt() { _ = d.socket.SetReadDeadline(sys.Past) }

// Close hangs up.
func (d *Door) Close() error {
	d.bridge.Disarm()
	return d.socket.Close()
}
