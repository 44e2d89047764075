package death_test

import (
	"context"
	"errors"
	"sync"

	"kith"
)

// A host listens, and echoes to all who come, until close.
type host struct {
	listener *kith.Listener
	work     sync.WaitGroup
	ended    chan error // how each connection did
}

func beHost(addr string) (*host, error) {
	l, err := kith.Listen(context.Background(), addr)
	if err != nil {
		return nil, err
	}
	h := &host{listener: l, ended: make(chan error, 16)}
	h.work.Go(func() {
		for {
			conn, err := l.Accept(context.Background())
			if err != nil {
				return // closed
			}
			h.work.Go(func() { h.ended <- echo(conn) })
		}
	})
	return h, nil
}

// hearsOfDeath waits until a peer has died.
func (h *host) hearsOfDeath() error {
	ctx, cancel := bounded()
	defer cancel()
	for {
		select {
		case err := <-h.ended:
			if errors.Is(err, kith.ErrPeerDied) {
				return nil
			}
		case <-ctx.Done():
			return errors.New("the host hears nothing of the death")
		}
	}
}

// close returns how the connections ended otherwise than by a goodbye or a death.
func (h *host) close() error {
	err := h.listener.Close()
	h.work.Wait()
	close(h.ended)
	for how := range h.ended {
		if !errors.Is(how, kith.ErrPeerDied) {
			err = errors.Join(err, how)
		}
	}
	return err
}
