package transport

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"kith/driver"
	"kith/fifo"
	"kith/internal/rendezvous"
)

// A caller is a dialer who has said its hello, and our ends of its pair.
type caller struct {
	*pair
	hello []byte
}

// answer says our hello, which tells a dialer of another version as much as
// one of ours, and makes a Conn of what both said.
func (c *caller) answer(ctx context.Context, a driver.Address, limit int) (driver.Conn, error) {
	l := &byteLink{in: c.in, out: c.out}
	hello := rendezvous.NewHello(rendezvous.Stream, limit)
	w, err := agree(hello, c.hello)
	hello.Session = w.session
	if said := say(ctx, l, hello); err == nil {
		err = said
	}
	_ = c.hail.Close()
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return newStream(l, a, w), nil
}

// openPair opens a dialer's ends of the pair that belongs to its turn.
func openPair(path string, turn *os.File) (*byteLink, error) {
	info, err := turn.Stat()
	if err != nil {
		return nil, err
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
		return nil, fmt.Errorf("%s belongs to uid %d, only uid %d is admitted: %w", path, owner, os.Geteuid(), syscall.EACCES)
	}
	out, err := fifo.OpenWriter(pairPath(path, info) + toListener)
	if err != nil {
		return nil, err
	}
	in, err := fifo.OpenReader(pairPath(path, info) + toDialer)
	if err != nil {
		_ = out.Close()
		return nil, err
	}
	return &byteLink{in: in, out: out}, nil
}
