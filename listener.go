package kith

import (
	"context"

	"kith/driver"
)

// A Listener takes those who dial its address. Handshakes go on behind it, 64 at
// once at most, and a dialer has 10 seconds to say its hello, less where others
// wait for its place: one that says nothing delays nobody else, and Accept does not
// hear of it. So peers need not come in the order in which they dialed. Its methods may be called from several goroutines at once.
type Listener struct {
	driver driver.Listener
}

// Addr is what a peer dials: the name resolved to the full path, a tcp port
// that was 0 filled in.
func (l *Listener) Addr() string { return l.driver.Address().String() }

// Accept waits for the next peer.
//
// Errors: the context's cause, EMFILE, ENFILE, ENOMEM, ENOSPC or ENOBUFS (this
// process has run out of something; Accept can be called again after any of these),
// net.ErrClosed, and what the kernel refuses for good. A peer's refusal or misdeed
// is none: Accept waits for the next.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	err := cause(ctx)
	if err == nil {
		var conn driver.Conn
		if conn, err = l.driver.Accept(ctx); err == nil {
			return newConn(conn), nil
		}
	}
	return nil, &OpError{Op: "accept", Addr: l.Addr(), Err: err}
}

// Close removes the name and ends Accept with net.ErrClosed. Connections that
// Accept has returned go on; those that nobody accepted are closed.
func (l *Listener) Close() error {
	if err := l.driver.Close(); err != nil {
		return &OpError{Op: "close", Addr: l.Addr(), Err: err}
	}
	return nil
}
