package shm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/rendezvous"
	"kith/internal/sys"
	"kith/internal/wait"
	"kith/sock"
)

// An Endpoint is a connected Unix socket of sequenced packets.
type Endpoint interface {
	wait.Socket
	SetWriteDeadline(t time.Time) error
}

// Options are what an address says of a connection.
type Options struct {
	Limit int // the largest message we take, bytes
	Ring  int // the ring we write, bytes
}

// parts is what a connection is made of; whoever fails to make one gives it
// all back.
type parts struct {
	options  Options
	front    Endpoint     // wakes receivers
	shaking  *sock.Socket // front, during the handshake
	back     *os.File     // wakes senders
	gift     bool         // back was made by the peer
	own      []byte
	ownFile  *os.File // until the peer has it
	peer     []byte
	peerSays rendezvous.Hello
}

func (p *parts) close() {
	_ = p.front.Close()
	sock.CloseAll([]*os.File{p.back, p.ownFile})
	_ = sys.Unmap(p.own)
	_ = sys.Unmap(p.peer)
}

// Offer is the dialing side of the handshake, which makes the second socket.
// It owns the endpoint.
func Offer(ctx context.Context, front Endpoint, a driver.Address, o Options) (driver.Conn, error) {
	return join(ctx, front, a, o, func(ctx context.Context, p *parts) error {
		back, theirs, err := sock.Pair(sock.Packet)
		if err != nil {
			return err
		}
		defer theirs.Close()
		p.back = back
		if err := p.make(); err != nil {
			return err
		}
		if err := p.say(ctx, theirs); err != nil {
			return err
		}
		return p.hear(ctx, 1)
	})
}

// Answer is the listening side of the handshake. It owns the endpoint, and
// tells the peer why it cannot go on.
func Answer(ctx context.Context, front Endpoint, a driver.Address, o Options) (driver.Conn, error) {
	return join(ctx, front, a, o, func(ctx context.Context, p *parts) error {
		err := p.hear(ctx, 2)
		if err == nil {
			err = p.make()
		}
		if err == nil {
			err = p.say(ctx)
		}
		if err == nil {
			return nil
		}
		var errno syscall.Errno
		if !errors.As(err, &errno) {
			errno = unix.EPROTO
		}
		if !errors.Is(err, rendezvous.ErrHungUp) && ctx.Err() == nil { // else it has gone, or we close
			_ = p.shaking.Send(ctx, rendezvous.Refuse(rendezvous.Shared, errno).Bytes())
		}
		return err
	})
}

// join runs one side's handshake under ctx and makes a Conn of what came of it.
func join(ctx context.Context, front Endpoint, a driver.Address, o Options, handshake func(context.Context, *parts) error) (driver.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, rendezvous.HandshakeTime, rendezvous.ErrSilent)
	defer cancel()
	p := &parts{front: front, options: o}
	var err error
	if p.shaking, err = sock.On(front); err == nil {
		err = rendezvous.LastWords(front, rendezvous.Shared, handshake(ctx, p))
		p.shaking.Detach()
	}
	var conn driver.Conn
	if err == nil {
		conn, err = newConn(p, a)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return conn, nil
}

func (p *parts) make() (err error) {
	p.own, p.ownFile, err = makeSegment(p.options.Ring)
	return err
}

// say sends our hello, with our segment and what else the peer shall have.
func (p *parts) say(ctx context.Context, files ...*os.File) error {
	hello := rendezvous.NewHello(rendezvous.Shared, p.options.Limit)
	hello.Ring, hello.Barrier = uint64(p.options.Ring), sys.HaveBarrier()
	err := p.shaking.Send(ctx, hello.Bytes(), append([]*os.File{p.ownFile}, files...)...)
	_ = p.ownFile.Close()
	p.ownFile = nil
	return rendezvous.HungUp(err)
}

// hear takes the peer's hello, its segment, and with two files the second
// socket.
func (p *parts) hear(ctx context.Context, count int) error {
	record := make([]byte, rendezvous.HelloSize)
	m, err := p.shaking.Receive(ctx, record, sock.Exactly(count))
	if err != nil && !errors.Is(err, sock.ErrFiles) && !errors.Is(err, unix.EMSGSIZE) {
		return rendezvous.HungUp(err)
	}
	said, parsed := rendezvous.ParseHello(record[:m.N], rendezvous.Shared)
	if parsed != nil || err != nil {
		m.Close()
		return cmp.Or(parsed, blame(err)) // a refusal comes without descriptors
	}
	p.peerSays = said
	if count == 2 {
		p.gift = true
		err = checkSocket(m.Files[1], p.front)
	}
	if err == nil {
		p.peer, err = openSegment(m.Files[0], p.peerSays.Ring)
	}
	if err != nil {
		m.Close()
		return err
	}
	if count == 2 {
		p.back = m.Files[1]
	}
	return m.Files[0].Close()
}

// blame says that an error is the peer's doing, unless it is that we have run out
// of something.
func blame(err error) error {
	if sys.Exhausted(err) {
		return err
	}
	return fmt.Errorf("%w: %w", driver.ErrProtocol, err)
}

// checkSocket makes sure that a descriptor from the peer is a socket at which
// we can park. One that leads to ourselves, as the peer's own end of front does, would
// never tell its death.
func checkSocket(file *os.File, front Endpoint) error {
	err := sys.Control(file, func(fd int) error {
		domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil {
			return err
		}
		kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
		if err == nil && (domain != unix.AF_UNIX || kind != unix.SOCK_SEQPACKET) {
			err = unix.EPROTOTYPE // a datagram socket, say, would not tell the peer's death
		}
		if err == nil {
			_, err = unix.Getpeername(fd)
		}
		return err
	})
	if err == nil && leadsTo(os.Getpid(), file) && !leadsTo(os.Getpid(), front) {
		err = unix.ELOOP
	}
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails where it cannot park
	}
	if err != nil {
		return fmt.Errorf("%w: its second descriptor is not a socket to wait at: %w", driver.ErrProtocol, err)
	}
	return nil
}

// leadsTo reports whether a process made the other end of a socket, or accepted there.
func leadsTo(pid int, socket syscall.Conn) bool {
	peer, err := sock.Peer(socket)
	return err == nil && peer.PID == pid
}
