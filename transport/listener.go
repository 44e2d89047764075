package transport

import (
	"context"
	"io"
	"time"

	"kith/driver"
	"kith/internal/rendezvous"
	"kith/internal/sys"
)

// A listener is a name and the acceptor behind it.
type listener[P any] struct {
	*rendezvous.Acceptor[P]
	address driver.Address
	source  io.Closer
}

// A socketListener is what net's listeners have in common, and a Socket.
type socketListener interface {
	io.Closer
	SetDeadline(t time.Time) error
}

// newListener accepts from a listening socket.
func newListener[P any](a driver.Address, socket socketListener, accept func() (P, error), shake func(context.Context, P) (driver.Conn, error)) driver.Listener {
	bridge := sys.Bridge{SetDeadline: socket.SetDeadline}
	take := func(ctx context.Context) (P, error) {
		bridge.Arm(ctx)
		peer, err := accept()
		return peer, bridge.Cause(ctx, err)
	}
	return &listener[P]{rendezvous.NewAcceptor(take, shake), a, socket}
}

func (l *listener[P]) Address() driver.Address { return l.address }

// Close ends what the acceptor has under way, then removes the name.
func (l *listener[P]) Close() error {
	l.Acceptor.Close()
	return l.source.Close()
}
