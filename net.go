package kith

import (
	"context"
	"net"
)

// ListenNet listens as Listen does, and accepts net.Conns: for net/http, gRPC and
// whatever else speaks over a stream of bytes. Its dialers call DialNet. The
// context is for the listening alone.
func ListenNet(ctx context.Context, address string, opts ...Option) (net.Listener, error) {
	l, err := Listen(ctx, address, opts...)
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
// Write that its deadline ends says how many bytes went out. On shm: the next goes on after
// them; elsewhere it may fail with ErrBroken. No Read and no Write allocates.
//
// On shm: a Read copies once, out of the peer's memory, and a Write once, into our own.
// io.Copy from the connection writes straight out of that memory (io.WriterTo), so the peer can
// change the bytes while the destination looks at them: one that checks what it
// writes copies before. io.Copy to it reads a regular file straight into the memory that the
// peer sees (io.ReaderFrom). The connection has CloseWrite, too: the peer's Read ends, ours
// go on.
func DialNet(ctx context.Context, address string, opts ...Option) (net.Conn, error) {
	conn, err := Dial(ctx, address, opts...)
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
