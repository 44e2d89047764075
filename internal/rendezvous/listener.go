package rendezvous

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"kith/driver"
	"kith/internal/sys"
)

// A listener is a name and the acceptor behind it.
type listener[P any] struct {
	*Acceptor[P]
	address driver.Address
	end     func() error
}

// A socketListener is what net's listeners have in common, and a Socket.
type socketListener interface {
	io.Closer
	SetDeadline(t time.Time) error
}

// NewListener accepts from a listening socket, which it owns. Close closes that
// first: who is hung up on, in its queue or in the handshake, finds nobody there.
func NewListener[P any](a driver.Address, socket socketListener, accept func() (P, error), shake func(context.Context, P) (driver.Conn, error)) driver.Listener {
	bridge := sys.Bridge{SetDeadline: socket.SetDeadline}
	take := func(ctx context.Context) (P, error) {
		bridge.Arm(ctx)
		peer, err := accept()
		if errors.Is(err, net.ErrClosed) {
			err = net.ErrClosed // says it all
		}
		return peer, bridge.Cause(ctx, err)
	}
	acceptor := NewAcceptor(take, shake)
	end := func() error {
		err := socket.Close()
		acceptor.Close()
		return err
	}
	return &listener[P]{acceptor, a, sync.OnceValue(end)}
}

// Serve takes peers as a driver.Listener: take waits for one, shake makes a Conn
// of it. Close closes source at last, for take may be using it.
func Serve[P any](a driver.Address, source io.Closer, take func(context.Context) (P, error), shake func(context.Context, P) (driver.Conn, error)) driver.Listener {
	acceptor := NewAcceptor(take, shake)
	end := func() error {
		acceptor.Close()
		return source.Close()
	}
	return &listener[P]{acceptor, a, sync.OnceValue(end)}
}

func (l *listener[P]) Address() driver.Address { return l.address }

// Close ends what is under way and removes the name. A second call does nothing.
func (l *listener[P]) Close() error { return l.end() }
