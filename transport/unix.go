package transport

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"

	"kith/driver"
	"kith/internal/rendezvous"
)

// A unixTransport carries a stream over Unix sockets of one type.
type unixTransport struct {
	traits  driver.Traits
	network string
}

// Unix is `unix:`, a stream socket.
var Unix driver.Transport = &unixTransport{network: "unix", traits: driver.Traits{
	Scheme: "unix", Summary: "stream socket in the file system", Named: true,
	Connected: true, Ordered: true, Lossless: true, MaxMessage: driver.MaxLimit, Reach: driver.Host,
	Access: rendezvous.AccessTraits, Races: "a dead listener's name is taken over under a lock",
}}

// UnixPacket is `unixpacket:`, a sequenced-packet socket.
var UnixPacket driver.Transport = &unixTransport{network: "unixpacket", traits: driver.Traits{
	Scheme: "unixpacket", Summary: "sequenced-packet socket in the file system", Named: true,
	Connected: true, Boundaries: true, Ordered: true, Lossless: true, MaxMessage: driver.MaxLimit, Reach: driver.Host,
	Access: rendezvous.AccessTraits, Races: "a dead listener's name is taken over under a lock",
}}

func (t *unixTransport) Traits() driver.Traits { return t.traits }

func (t *unixTransport) Resolve(a driver.Address) (driver.Address, error) {
	return rendezvous.Resolve(a)
}

func (t *unixTransport) Dial(ctx context.Context, a driver.Address) (driver.Conn, error) {
	o, err := parseUnix(a)
	if err != nil {
		return nil, err
	}
	return rendezvous.Meet(ctx, func() (driver.Conn, error) {
		conn, err := rendezvous.Dial(ctx, t.network, a.Name)
		if err != nil {
			return nil, err
		}
		return t.admit(ctx, conn, a, o, dials)
	})
}

func (t *unixTransport) Listen(ctx context.Context, a driver.Address) (driver.Listener, error) {
	o, err := parseUnix(a)
	if err != nil {
		return nil, err
	}
	socket, err := rendezvous.Listen(ctx, t.network, a.Name, o.access)
	if err != nil {
		return nil, err
	}
	shake := func(ctx context.Context, conn *net.UnixConn) (driver.Conn, error) {
		return t.admit(ctx, conn, a, o, listens)
	}
	return rendezvous.NewListener(a, socket, socket.AcceptUnix, shake), nil
}

// unixOptions are what an address says of a connection, and of who may make one.
type unixOptions struct {
	limit  int
	access rendezvous.Access
}

func parseUnix(a driver.Address) (o unixOptions, err error) {
	o = unixOptions{a.Limit(), rendezvous.ParseAccess(&a)}
	return o, a.Done()
}

// onlyLimit takes the one key that every transport has, and refuses any other.
func onlyLimit(a driver.Address) (limit int, err error) {
	limit = a.Limit()
	return limit, a.Done()
}

// admit makes a Conn of a connected socket, which it owns, once the peer has
// been admitted and the two sides have agreed.
func (t *unixTransport) admit(ctx context.Context, conn *net.UnixConn, a driver.Address, o unixOptions, as role) (driver.Conn, error) {
	err := o.access.Admit(conn, rendezvous.Stream)
	if err == nil {
		var joined driver.Conn
		if joined, err = joinSocket(ctx, conn, a, o.limit, t.network == "unixpacket", as); err == nil {
			return joined, nil
		}
		err = rendezvous.LastWords(conn, rendezvous.Stream, err)
	}
	_ = conn.Close()
	return nil, err
}

// joinSocket shakes hands over a connected socket and makes a Conn of it.
func joinSocket(ctx context.Context, socket end, a driver.Address, limit int, packets bool, as role) (driver.Conn, error) {
	hello := rendezvous.NewHello(rendezvous.Stream, limit)
	plain := byteLink{in: socket, out: socket}
	if !packets {
		w, err := greet(ctx, &plain, hello, as)
		return newStream(&plain, a, w), err
	}
	largest, err := largestPacket(socket)
	if err != nil {
		return nil, err
	}
	hello.Packet = uint64(largest)
	l := &packetLink{byteLink: plain, largest: largest, coming: rendezvous.HelloSize}
	w, err := greet(ctx, l, hello, as)
	l.coming = w.packet
	return newStream(l, a, w), err
}

// largestPacket makes the socket's send buffer as large as an ordinary user
// may, and says what packet it takes: unix(7) refuses one that does not fit the
// buffer with EMSGSIZE. Half of the buffer lets the next packet be written
// while the peer takes one.
func largestPacket(socket syscall.Conn) (int, error) {
	size := 0
	err := sys.Control(socket, func(fd int) (err error) {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, maxPacket) // the kernel gives what it allows
		size, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
		return os.NewSyscallError("getsockopt", err)
	})
	if err == nil && size < 2*minPacket {
		err = fmt.Errorf("the socket's buffer holds %d bytes: raise net.core.wmem_max", size)
	}
	return min(size/2, maxPacket), err
}

// minPacket is the smallest packet worth sending, in bytes.
const minPacket = 1024
