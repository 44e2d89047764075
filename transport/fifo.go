package transport

import (
	"context"
	"errors"
	"math/rand/v2"

	"kith/driver"
	"kith/internal/rendezvous"
)

// A name of `fifo:` is three FIFOs: PATH, which dialers lock to be the one who
// comes next and which never holds a byte, and a pair that has the number of its
// inode in the names: PATH.N.in towards the listener and PATH.N.out back. As soon
// as a dialer has said its hello, the listener puts fresh ones in their place:
// each connection has a pair of its own, and nothing that one leaves behind
// reaches another.
type fifoTransport struct{}

// FIFO is `fifo:`, a named pipe each way.
var FIFO driver.Transport = fifoTransport{}

func (fifoTransport) Traits() driver.Traits {
	return driver.Traits{
		Scheme: "fifo", Summary: "a named pipe each way", Named: true,
		Connected: true, Ordered: true, Lossless: true, MaxMessage: driver.MaxLimit, Reach: driver.Host,
		Access: "mode of the FIFOs", Races: "dialers take turns by a lock that death releases",
	}
}

func (fifoTransport) Resolve(a driver.Address) (driver.Address, error) {
	return rendezvous.Resolve(a)
}

func (fifoTransport) Dial(ctx context.Context, a driver.Address) (driver.Conn, error) {
	limit, err := onlyLimit(a)
	if err != nil {
		return nil, err
	}
	return rendezvous.Meet(ctx, func() (driver.Conn, error) {
		for {
			conn, err := dialFIFO(ctx, a, limit)
			if !errors.Is(err, errMissed) {
				return conn, rendezvous.NotMet(ctx, err)
			}
		}
	})
}

// errMissed is a turn that came to nothing, because the listener had just
// replaced its FIFOs.
var errMissed = errors.New("the FIFOs were replaced meanwhile")

func dialFIFO(ctx context.Context, a driver.Address, limit int) (driver.Conn, error) {
	path := a.Name
	turn, err := claim(ctx, path)
	if err != nil {
		return nil, err
	}
	defer turn.Close()
	l, err := openPair(path, turn)
	if err != nil {
		if !stillAt(path, turn) {
			err = errMissed
		}
		return nil, err
	}
	hello := rendezvous.NewHello(rendezvous.Stream, limit)
	hello.Session = rand.Uint64()
	w, err := greet(ctx, l, hello, dials)
	switch {
	case err == nil && w.session != hello.Session:
		err = errMissed // the answer to a dialer who died in its turn
	case errors.Is(err, rendezvous.ErrHungUp) && !stillAt(path, turn):
		err = errMissed // garbage came before our hello
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return newStream(l, a, w), nil
}

func (fifoTransport) Listen(ctx context.Context, a driver.Address) (driver.Listener, error) {
	limit, err := onlyLimit(a)
	if err != nil {
		return nil, err
	}
	name, err := makeFIFOs(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	shake := func(ctx context.Context, c *caller) (driver.Conn, error) { return c.answer(ctx, a, limit) }
	return rendezvous.Serve(a, name, name.next, shake), nil
}
