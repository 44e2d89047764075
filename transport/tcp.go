package transport

import (
	"context"
	"fmt"
	"net"

	"kith/driver"
	"kith/internal/rendezvous"
)

type tcpTransport struct{}

// TCP is `tcp:host:port`.
var TCP driver.Transport = tcpTransport{}

func (tcpTransport) Traits() driver.Traits {
	return driver.Traits{
		Scheme: "tcp", Summary: "stream socket of the Internet", Named: true,
		Connected: true, Ordered: true, Lossless: true, MaxMessage: driver.MaxLimit, Reach: driver.Network,
		Access: "none: whoever reaches the port", Races: "the kernel gives a port to one listener",
	}
}

func (tcpTransport) Dial(ctx context.Context, a driver.Address) (driver.Conn, error) {
	limit, err := hostPort(a)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", a.Name)
	if err != nil {
		return nil, rendezvous.Absent(err)
	}
	return joinTCP(ctx, conn.(*net.TCPConn), a.Named(conn.RemoteAddr().String()), limit)
}

func (tcpTransport) Listen(ctx context.Context, a driver.Address) (driver.Listener, error) {
	limit, err := hostPort(a)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	socket, err := config.Listen(ctx, "tcp", a.Name)
	if err != nil {
		return nil, err
	}
	a = a.Named(socket.Addr().String())
	shake := func(ctx context.Context, conn *net.TCPConn) (driver.Conn, error) { return joinTCP(ctx, conn, a, limit) }
	listening := socket.(*net.TCPListener)
	return rendezvous.NewListener(a, listening, listening.AcceptTCP, shake), nil
}

func hostPort(a driver.Address) (limit int, err error) {
	limit = a.Limit()
	if err := a.Done(); err != nil {
		return 0, err
	}
	if _, port, err := net.SplitHostPort(a.Name); err != nil || port == "" {
		return 0, fmt.Errorf("%w: %q: want tcp:host:port, as in tcp:localhost:7000", driver.ErrAddress, a.Name)
	}
	return limit, nil
}

func joinTCP(ctx context.Context, conn *net.TCPConn, a driver.Address, limit int) (driver.Conn, error) {
	joined, err := joinSocket(ctx, conn, a, limit, false)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return joined, nil
}
