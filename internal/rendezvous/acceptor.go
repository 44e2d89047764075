package rendezvous

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"kith/driver"
	"kith/internal/sys"
)

const (
	// pending is how many peers of one listener may be in their handshake or
	// waiting for Accept.
	pending = 64
	// patience is how long a handshake may take while others wait for its slot:
	// a hundred times as long as an honest one does.
	patience = 100 * time.Millisecond
)

// An Acceptor takes peers off a listening descriptor and shakes hands with
// each of them in a goroutine of its own, so that none delays another.
type Acceptor[P any] struct {
	take  func(context.Context) (P, error)
	shake func(context.Context, P) (driver.Conn, error)

	ready  chan outcome
	slots  chan struct{}
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex
	young []*handshake // under way
}

type outcome struct {
	conn driver.Conn
	err  error
}

type handshake struct {
	cancel context.CancelFunc
	began  time.Time
}

// NewAcceptor serves what take returns until Close. The function shake owns
// its peer: it closes it when it fails.
func NewAcceptor[P any](take func(context.Context) (P, error), shake func(context.Context, P) (driver.Conn, error)) *Acceptor[P] {
	a := &Acceptor[P]{take: take, shake: shake, ready: make(chan outcome), slots: make(chan struct{}, pending)}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.work.Go(a.serve)
	return a
}

// Accept waits for a peer whose handshake succeeded. It fails for good with
// net.ErrClosed, and in passing where this process has run out of something.
func (a *Acceptor[P]) Accept(ctx context.Context) (driver.Conn, error) {
	select {
	case got := <-a.ready:
		return got.conn, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-a.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends Accept, gives up the handshakes under way, closes what nobody
// accepted and returns when nothing is left running.
func (a *Acceptor[P]) Close() {
	a.cancel()
	a.work.Wait()
}

func (a *Acceptor[P]) serve() {
	for a.reserve() {
		peer, err := a.take(a.ctx)
		if err != nil {
			<-a.slots
			if !a.deliver(outcome{err: err}) {
				return
			}
			continue
		}
		ctx, h := a.begin()
		a.work.Go(func() { a.greet(ctx, h, peer) })
	}
}

// reserve waits for a slot. Where none comes free for a while, handshakes that
// go on for too long give theirs up.
func (a *Acceptor[P]) reserve() bool {
	for {
		select {
		case a.slots <- struct{}{}:
			return true
		case <-a.ctx.Done():
			return false
		case <-time.After(patience):
			a.giveUpSlow()
		}
	}
}

func (a *Acceptor[P]) greet(ctx context.Context, h *handshake, peer P) {
	defer func() { <-a.slots }()
	conn, err := a.shake(ctx, peer)
	a.end(h)
	if err != nil && !isOurTrouble(err) {
		return // the peer was told, and nobody here waits for it
	}
	if !a.deliver(outcome{conn, err}) && conn != nil {
		_ = conn.Close() // the listener is closing; the peer sees a goodbye
	}
}

// isOurTrouble tells what this process has run out of from what a peer did, or
// says that it has run out of.
func isOurTrouble(err error) bool {
	return sys.Exhausted(err) && !errors.Is(err, errRefused) && !errors.Is(err, driver.ErrProtocol)
}

func (a *Acceptor[P]) deliver(got outcome) bool {
	select {
	case a.ready <- got:
		return true
	case <-a.ctx.Done():
		return false
	}
}

func (a *Acceptor[P]) begin() (context.Context, *handshake) {
	ctx, cancel := context.WithTimeoutCause(a.ctx, HandshakeTime, ErrSilent)
	h := &handshake{cancel, time.Now()}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.young = append(a.young, h)
	return ctx, h
}

func (a *Acceptor[P]) end(h *handshake) {
	h.cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, other := range a.young {
		if other == h {
			a.young = append(a.young[:i], a.young[i+1:]...)
			return
		}
	}
}

func (a *Acceptor[P]) giveUpSlow() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.young {
		if time.Since(h.began) > patience {
			h.cancel()
		}
	}
}
