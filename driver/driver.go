// Package driver is what a transport implements: a few methods, and one value
// that declares what it can do. Users see the package kith over it.
package driver

import "context"

// A Transport carries exchanges for one scheme. Its methods may be called
// from several goroutines at once.
type Transport interface {
	// Traits is what the transport declares of itself. It never changes.
	Traits() Traits
	// Resolve says where an address really is: its name as a full path, say. It
	// refuses a name that cannot be, and makes nothing.
	Resolve(a Address) (Address, error)
	// Dial meets the one who listens at a resolved address.
	Dial(ctx context.Context, a Address) (Conn, error)
	// Listen makes a resolved address, and waits there for those who dial it.
	Listen(ctx context.Context, a Address) (Listener, error)
}

// A Conn joins two parties. One goroutine may send while another receives;
// Close may be called at any time, from any goroutine, more than once.
type Conn interface {
	// Send returns when the message no longer depends on msg's memory and is
	// on its way: what was sent before a Close or a death is delivered. It waits
	// while the peer is behind (back-pressure).
	Send(ctx context.Context, msg []byte) error
	// Receive returns the next message: the caller's until the next Receive,
	// after Close too. io.EOF: the peer said goodbye. ErrPeerDied: it did not.
	Receive(ctx context.Context) ([]byte, error)
	// CloseSend says goodbye: the peer's Receive ends with io.EOF once it has
	// everything. It never waits for room.
	CloseSend() error
	// Close says goodbye, if CloseSend has not, ends the calls in flight with
	// net.ErrClosed and gives everything back.
	Close() error
	// Address is where the connection was made, its name resolved.
	Address() Address
	// Stats is what was counted so far, after Close too. Any goroutine may ask.
	Stats() Stats
}

// A Lender is a Conn that lends its own memory to the sender and to the receiver. What
// it has lent outlives Close, which does not wait for it.
type Lender interface {
	Conn
	// Reserve waits for room for a message. Until Commit or Discard, other calls of
	// the sender fail with ErrConcurrent.
	Reserve(ctx context.Context, length int) ([]byte, error)
	// Commit sends that many bytes of it. EINVAL: there are not so many.
	Commit(ctx context.Context, length int) error
	// Discard gives it back.
	Discard()
	// Lease is Receive of a message where it lies. Until Release, other calls of the
	// receiver fail with ErrConcurrent.
	Lease(ctx context.Context) ([]byte, error)
	// Release gives it back.
	Release()
}

// A Batcher is a Conn that sends and receives many messages for the price of few.
type Batcher interface {
	// SendBatch sends messages in order, and returns how many it has sent.
	SendBatch(ctx context.Context, msgs [][]byte) (sent int, err error)
	// ReceiveBatch waits for a message, and puts it and those that are there into
	// msgs, which has a place at least. They are the caller's until the next receiving call.
	ReceiveBatch(ctx context.Context, msgs [][]byte) (received int, err error)
}

// A Listener takes those who dial. Accept may be called from several
// goroutines at once.
type Listener interface {
	// Accept returns the next peer whose handshake succeeded.
	Accept(ctx context.Context) (Conn, error)
	// Close ends Accept with net.ErrClosed and removes the name; connections
	// accepted before go on.
	Close() error
	// Address is what a peer dials: its name resolved, a tcp port filled in.
	Address() Address
}
