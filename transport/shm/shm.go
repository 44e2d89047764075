// Package shm is the transport `shm:`: two rings in shared memory, met over a
// Unix socket, which also wakes and tells death.
package shm

import (
	"context"
	"net"

	"kith/driver"
	"kith/internal/rendezvous"
	"kith/ring"
)

// DefaultRing is the size of a ring in bytes, where the address says nothing.
const DefaultRing = 256 << 10

// Transport is `shm:`.
type Transport struct{}

// Traits is what shm: declares of itself.
func (Transport) Traits() driver.Traits {
	return driver.Traits{
		Scheme: "shm", Summary: "a ring each way in sealed shared memory", Named: true,
		Connected: true, Boundaries: true, Ordered: true, Lossless: true, MaxMessage: driver.MaxLimit, Reach: driver.Host,
		Access: "mode of the socket, uid checked", Races: "one writer to every page; a record is there whole or not at all",
	}
}

// ParseOptions takes the keys that say how a connection is made.
func ParseOptions(a *driver.Address) Options {
	return Options{Limit: a.Limit(), Ring: a.Power("ring", DefaultRing, ring.MinSize, ring.MaxSize)}
}

// Resolve finds the path of the socket.
func (Transport) Resolve(a driver.Address) (driver.Address, error) { return rendezvous.Resolve(a) }

// Dial meets a listener.
func (Transport) Dial(ctx context.Context, a driver.Address) (driver.Conn, error) {
	o := ParseOptions(&a)
	if err := a.Done(); err != nil {
		return nil, err
	}
	return rendezvous.Meet(ctx, func() (driver.Conn, error) {
		socket, err := rendezvous.Dial(ctx, network, a.Name)
		if err != nil {
			return nil, err
		}
		return admit(ctx, socket, a, o, Offer)
	})
}

// Listen makes the socket at which dialers meet us.
func (Transport) Listen(ctx context.Context, a driver.Address) (driver.Listener, error) {
	o := ParseOptions(&a)
	if err := a.Done(); err != nil {
		return nil, err
	}
	socket, err := rendezvous.Listen(ctx, network, a.Name)
	if err != nil {
		return nil, err
	}
	shake := func(ctx context.Context, c *net.UnixConn) (driver.Conn, error) { return admit(ctx, c, a, o, Answer) }
	return rendezvous.NewListener(a, socket, socket.AcceptUnix, shake), nil
}

const network = "unixpacket"

// admit shakes hands with a peer of the right user.
func admit(ctx context.Context, socket *net.UnixConn, a driver.Address, o Options, handshake func(context.Context, Endpoint, driver.Address, Options) (driver.Conn, error)) (driver.Conn, error) {
	if err := rendezvous.Admit(socket, rendezvous.Shared); err != nil {
		_ = socket.Close()
		return nil, err
	}
	return handshake(ctx, socket, a, o)
}
