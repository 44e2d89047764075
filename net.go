package kith

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// ListenNet listens as Listen does, and accepts net.Conns: for net/http, gRPC and
// whatever else speaks over a stream of bytes. Its dialers call DialNet. The
// context is for the listening alone.
func ListenNet(ctx context.Context, address string) (net.Listener, error) {
	l, err := Listen(ctx, address)
	if err != nil {
		return nil, err
	}
	return netListener{l}, nil
}

// DialNet dials as Dial does, for a net.Conn: a stream of bytes, whose Write has no
// boundaries. Any number of goroutines may use it at once. The address is one
// where ListenNet listens.
//
// An end that the peer closed is io.EOF; where it died, a Read fails with ErrPeerDied. A
// Write that its deadline ends says how many bytes went out, and the next goes on after
// them.
func DialNet(ctx context.Context, address string) (net.Conn, error) {
	conn, err := Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	return newNetConn(conn), nil
}

type netListener struct{ listener *Listener }

// Accept waits until Close.
func (l netListener) Accept() (net.Conn, error) {
	conn, err := l.listener.Accept(context.Background())
	if err != nil {
		return nil, err
	}
	return newNetConn(conn), nil
}

func (l netListener) Close() error { return l.listener.Close() }

func (l netListener) Addr() net.Addr { return netAddr(l.listener.Addr()) }

// netAddr is an address as kith has it.
type netAddr string

func (a netAddr) Network() string { return "kith" }
func (a netAddr) String() string  { return string(a) }

// A netConn is a stream of bytes over messages.
type netConn struct {
	conn  *Conn
	piece int // of a message, bytes

	reading sync.Mutex
	rest    []byte // of the message that is being read
	until   deadline

	writing sync.Mutex
	by      deadline
}

// unlessItKnows is the piece where a transport does not tell its own.
const unlessItKnows = 16 << 10

// newNetConn sends messages that go out whole or not at all, where the transport has
// such: then a Write that its deadline ends has nothing half done.
func newNetConn(conn *Conn) *netConn {
	c := &netConn{conn: conn, piece: unlessItKnows}
	if whole, knows := conn.driver.(interface{ Piece() int }); knows {
		c.piece = whole.Piece()
	}
	return c
}

func (c *netConn) Read(p []byte) (n int, err error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	ctx := c.until.context()
	err = cause(ctx)
	for err == nil && len(c.rest) == 0 && len(p) > 0 {
		c.rest, err = c.conn.driver.Receive(ctx)
	}
	switch {
	case err == nil:
		n = copy(p, c.rest)
		c.rest = c.rest[n:]
	case errors.Is(err, io.EOF):
		err = io.EOF // bare, as many look for it by ==
	default:
		err = c.conn.failed("read", err)
	}
	return n, err
}

func (c *netConn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	ctx := c.by.context()
	err = cause(ctx)
	for err == nil && n < len(p) {
		part := p[n:min(n+c.piece, len(p))]
		if err = c.conn.driver.Send(ctx, part); err == nil {
			n += len(part)
		}
	}
	if err != nil {
		return n, c.conn.failed("write", err)
	}
	return n, nil
}

// CloseWrite is for those who look for it, as net/http's hijackers do. It comes after a
// Write that is under way.
func (c *netConn) CloseWrite() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.conn.CloseSend()
}

func (c *netConn) Close() error         { return c.conn.Close() }
func (c *netConn) LocalAddr() net.Addr  { return netAddr(c.conn.Addr()) }
func (c *netConn) RemoteAddr() net.Addr { return netAddr(c.conn.Addr()) }

func (c *netConn) SetDeadline(t time.Time) error {
	c.until.set(t)
	c.by.set(t)
	return nil
}

func (c *netConn) SetReadDeadline(t time.Time) error {
	c.until.set(t)
	return nil
}

func (c *netConn) SetWriteDeadline(t time.Time) error {
	c.by.set(t)
	return nil
}
