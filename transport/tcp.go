package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"

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

// Resolve checks the form; the names of hosts and ports are looked up later.
func (tcpTransport) Resolve(a driver.Address) (driver.Address, error) {
	_, port, err := net.SplitHostPort(a.Name)
	if number, notNumber := strconv.Atoi(port); err == nil && notNumber == nil && (number < 0 || number > 65535) {
		err = errors.New("a port is a number from 0 to 65535")
	}
	if err != nil || port == "" {
		return a, fmt.Errorf("%w: %q: want tcp:host:port, as in tcp:localhost:7000", driver.ErrAddress, a.Name)
	}
	return a, nil
}

func (tcpTransport) Dial(ctx context.Context, a driver.Address) (driver.Conn, error) {
	limit, err := onlyLimit(a)
	if err != nil {
		return nil, err
	}
	return rendezvous.Meet(ctx, func() (driver.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", a.Name)
		if err != nil {
			return nil, rendezvous.HungUp(rendezvous.NotMet(ctx, err))
		}
		return joinTCP(ctx, conn.(*net.TCPConn), a.Named(conn.RemoteAddr().String()), limit, dials)
	})
}

func (tcpTransport) Listen(ctx context.Context, a driver.Address) (driver.Listener, error) {
	limit, err := onlyLimit(a)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	socket, err := config.Listen(ctx, "tcp", a.Name)
	if err != nil {
		return nil, err
	}
	a = a.Named(socket.Addr().String())
	shake := func(ctx context.Context, conn *net.TCPConn) (driver.Conn, error) {
		return joinTCP(ctx, conn, a, limit, listens)
	}
	listening := socket.(*net.TCPListener)
	return rendezvous.NewListener(a, listening, listening.AcceptTCP, shake), nil
}

func joinTCP(ctx context.Context, conn *net.TCPConn, a driver.Address, limit int, as role) (driver.Conn, error) {
	l := &tcpLink{byteLink{in: conn, out: conn}}
	w, err := greet(ctx, l, rendezvous.NewHello(rendezvous.Stream, limit), as)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return newStream(l, a, w), nil
}

// A tcpLink is a byteLink that settles when the peer's kernel has everything.
// Else bytes of the peer's that nobody will read would make our kernel reset the
// connection, and throw away what it had not sent yet.
type tcpLink struct{ byteLink }

func (l *tcpLink) Settle(until time.Time) error {
	// The kernel tells nobody of an acknowledgement: ask, ever more rarely.
	for pause := time.Millisecond; l.unacknowledged() > 0; pause *= 2 {
		if time.Now().After(until) {
			return os.ErrDeadlineExceeded
		}
		time.Sleep(pause)
	}
	return nil
}

// unacknowledged is how many bytes the peer's kernel does not have yet and could
// still take.
func (l *tcpLink) unacknowledged() (n int) {
	_ = sys.Control(l.out, func(fd int) error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.SOL_TCP, unix.TCP_INFO)
		if err != nil || info.State == unix.BPF_TCP_CLOSE {
			return err // the peer reset the connection: it wants nothing
		}
		n, err = unix.IoctlGetInt(fd, unix.TIOCOUTQ)
		return err
	})
	return n
}
