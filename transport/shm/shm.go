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
		Access: rendezvous.AccessTraits, Races: "one writer to every page; a record is there whole or not at all",
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
	o, access, err := parse(a)
	if err != nil {
		return nil, err
	}
	return rendezvous.Meet(ctx, func() (driver.Conn, error) {
		socket, err := rendezvous.Dial(ctx, network, a.Name)
		if err != nil {
			return nil, err
		}
		return admit(socket, access, func() (driver.Conn, error) { return Offer(ctx, socket, a, o) })
	})
}

// Listen makes the socket at which dialers meet us.
func (Transport) Listen(ctx context.Context, a driver.Address) (driver.Listener, error) {
	o, access, err := parse(a)
	if err != nil {
		return nil, err
	}
	socket, err := rendezvous.Listen(ctx, network, a.Name, access)
	if err != nil {
		return nil, err
	}
	shake := func(ctx context.Context, c *net.UnixConn) (driver.Conn, error) {
		return admit(c, access, func() (driver.Conn, error) { return Answer(ctx, c, a, o) })
	}
	return rendezvous.NewListener(a, socket, socket.AcceptUnix, shake), nil
}

const network = "unixpacket"

// parse takes all keys of an address at which two meet.
func parse(a driver.Address) (Options, rendezvous.Access, error) {
	o, access := ParseOptions(&a), rendezvous.ParseAccess(&a)
	return o, access, a.Done()
}

// admit shakes hands with a peer whom access admits.
func admit(socket *net.UnixConn, access rendezvous.Access, handshake func() (driver.Conn, error)) (driver.Conn, error) {
	if err := access.Admit(socket, rendezvous.Shared); err != nil {
		_ = socket.Close()
		return nil, err
	}
	return handshake()
}
