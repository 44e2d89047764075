package transport

import (
	"context"
	"os"

	"kith/driver"
	"kith/fifo"
	"kith/internal/rendezvous"
)

// A caller is a dialer who has said its hello, and our ends of its pair.
type caller struct {
	// hail is the incoming FIFO open both ways: a read from it waits for a
	// dialer, where a read from in would end until there is one.
	hail, in, out *os.File
	hello         []byte
}

// openEnds opens our ends of the fresh FIFOs. The one for writing needs a
// reader at that moment: ourselves.
func openEnds(path string) (_ *caller, err error) {
	c := &caller{}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.hail, err = fifo.OpenBoth(path + toward + ".new"); err != nil {
		return nil, err
	}
	if c.in, err = fifo.OpenReader(path + toward + ".new"); err != nil {
		return nil, err
	}
	reader, err := fifo.OpenBoth(path + back + ".new")
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	if c.out, err = fifo.OpenWriter(path + back + ".new"); err != nil {
		return nil, err
	}
	_, err = fifo.Enlarge(c.in, capacity)
	if err == nil {
		_, err = fifo.Enlarge(c.out, capacity)
	}
	return c, err
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

func (c *caller) close() {
	for _, file := range []*os.File{c.hail, c.in, c.out} {
		if file != nil {
			_ = file.Close()
		}
	}
}

// openPair opens a dialer's ends of the FIFOs at path.
func openPair(path string) (*byteLink, error) {
	out, err := fifo.OpenWriter(path + toward)
	if err != nil {
		return nil, err
	}
	in, err := fifo.OpenReader(path + back)
	if err != nil {
		_ = out.Close()
		return nil, err
	}
	return &byteLink{in: in, out: out}, nil
}
