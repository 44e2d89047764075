package rendezvous

import (
	"context"
	"io"
	"sync"
	"time"

	"kith/driver"
	"kith/internal/sys"
)

// A listener is a name and the acceptor behind it.
type listener[P any] struct {
	*Acceptor[P]
	address driver.Address
	source  io.Closer
	once    sync.Once
}

// A socketListener is what net's listeners have in common, and a Socket.
type socketListener interface {
	io.Closer
	SetDeadline(t time.Time) error
}

// NewListener accepts from a listening socket, which it owns.
func NewListener[P any](a driver.Address, socket socketListener, accept func() (P, error), shake func(context.Context, P) (driver.Conn, error)) driver.Listener {
	bridge := sys.Bridge{SetDeadline: socket.SetDeadline}
	take := func(ctx context.Context) (P, error) {
		bridge.Arm(ctx)
		peer, err := accept()
		return peer, bridge.Cause(ctx, err)
	}
	return Serve(a, socket, take, shake)
}

// Serve takes peers as a driver.Listener: take waits for one, shake makes a Conn
// of it. Close closes source at last.
func Serve[P any](a driver.Address, source io.Closer, take func(context.Context) (P, error), shake func(context.Context, P) (driver.Conn, error)) driver.Listener {
	return &listener[P]{Acceptor: NewAcceptor(take, shake), address: a, source: source}
}

func (l *listener[P]) Address() driver.Address { return l.address }

// Close ends what the acceptor has under way, then removes the name.
func (l *listener[P]) Close() (err error) {
	l.once.Do(func() {
		l.Acceptor.Close()
		err = l.source.Close()
	})
	return err
}
