package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"kith/driver"
	"kith/internal/kithtest"
)

// childName is what a far process is registered as.
const childName = "transporttest"

// perform is the whole of a far process: it plays far's part, and looks for
// what it has left behind.
func perform(args []string) error {
	c, found := caseNamed(args[1])
	if !found {
		return fmt.Errorf("no case %q", args[1])
	}
	before := kithtest.Hold()
	ctx, cancel := context.WithTimeoutCause(context.Background(), hangTime, errors.New("the case hangs"))
	defer cancel()
	if err := playFar(ctx, modeNamed(args[0]), c, args[2], parent{}); err != nil {
		return err
	}
	return before.Left()
}

// playFar joins near and plays far's part.
func playFar(ctx context.Context, m mode, c testCase, address string, near other) error {
	address = addKeys(address, c.farOwnKeys())
	a, err := driver.ParseAddress(address)
	if err != nil {
		return err
	}
	transport, err := driver.Lookup(a.Scheme)
	if err != nil {
		return err
	}
	far := &side{Context: ctx, address: address, traits: transport.Traits(), other: near}
	if m.attach != nil {
		far.conn, err = m.attach(ctx, address, near)
	}
	if err == nil {
		err = c.far(far)
	}
	if err = endRole(far, err); err != nil {
		return fmt.Errorf("far: %w", err)
	}
	return nil
}

// endRole closes the side's Conn, which the role may have done.
func endRole(s *side, err error) error {
	if s.conn == nil {
		return err
	}
	closing := s.conn.Close()
	if err == nil {
		err = closing
	}
	return err
}

// A parent is near, as a far process talks with it.
type parent struct{}

func (parent) Say(line string) error { kithtest.Say(line); return nil }
func (parent) Hear() (string, error) { return kithtest.Hear(), nil }

// A talk is the line between two sides in one process.
type talk struct {
	out, in chan string
	end     func() // no more will be said
}

func newTalk() (talk, talk) {
	one, two := make(chan string, 16), make(chan string, 16)
	return talk{one, two, sync.OnceFunc(func() { close(one) })},
		talk{two, one, sync.OnceFunc(func() { close(two) })}
}

func (t talk) Say(line string) error { t.out <- line; return nil }

func (t talk) Hear() (string, error) {
	if line, more := <-t.in; more {
		return line, nil
	}
	return "", fmt.Errorf("the other side has ended: %w", io.EOF)
}
