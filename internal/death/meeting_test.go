//go:build amd64

package death_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// A meeting is a call by which two processes meet, in which one of them dies.
var meetings = []struct {
	name string
	set  setting
}{
	{"Dial", diesInDial},
	{"Listen", diesInListen},
	{"Accept", diesInAccept},
	{"Close of a listener", diesInUnlisten},
}

func TestDeathWhileMeeting(t *testing.T) {
	for _, m := range meetings {
		t.Run(m.name, func(t *testing.T) {
			before := kithtest.Hold()
			w := sweep{t: t, set: m.set}
			if everything() { // to trace so many takes seconds
				w.addresses()
			}
			w.calls()
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

// diesInDial: whom the victim dials goes on, whatever it has seen of it.
func diesInDial(t *testing.T, directory, name string) (*scene, error) {
	addr := at(directory, name)
	h, err := beHost(addr)
	if err != nil {
		return nil, err
	}
	s := &scene{child: start(t, "meeting dial", addr)}
	s.dismiss = func() { _ = h.close() }
	s.outlive = func(returned bool) error {
		err := call(addr)
		if returned {
			err = errors.Join(err, h.hearsOfDeath())
		}
		return errors.Join(err, h.close(), inherit(dialer, addr))
	}
	return s, s.ready()
}

// diesInListen: the name is free.
func diesInListen(t *testing.T, directory, name string) (*scene, error) {
	addr := at(directory, name)
	s := &scene{child: start(t, "meeting listen", addr)}
	s.dismiss = func() { _ = forget(addr) }
	s.outlive = func(bool) error { return inherit(listener, addr) }
	return s, s.ready()
}

// diesInAccept: who dialled the victim is told that nobody is there, or that it died.
func diesInAccept(t *testing.T, directory, name string) (*scene, error) {
	return dialled(t, "meeting accept", at(directory, name), func(dial, receive error, returned bool) error {
		if !returned && errors.Is(dial, kith.ErrNoListener) || dial == nil && errors.Is(receive, kith.ErrPeerDied) {
			return nil
		}
		return fmt.Errorf("dial: %w; receive: %w", dial, receive)
	})
}

// diesInUnlisten: or that it has said goodbye.
func diesInUnlisten(t *testing.T, directory, name string) (*scene, error) {
	return dialled(t, "meeting unlisten", at(directory, name), func(dial, receive error, _ bool) error {
		if errors.Is(dial, kith.ErrNoListener) || dial == nil && (errors.Is(receive, kith.ErrPeerDied) || errors.Is(receive, io.EOF)) {
			return nil
		}
		return fmt.Errorf("dial: %w; receive: %w", dial, receive)
	})
}

// dialled is a victim whom the survivor dials as soon as it acts.
func dialled(t *testing.T, child, addr string, judge func(dial, receive error, returned bool) error) (*scene, error) {
	s := &scene{child: start(t, child, addr)}
	var dial, receive error
	var dialling *kithtest.Call
	s.during = func() error {
		dialling = kithtest.Go(func() error { dial, receive = dialAndReceive(addr); return nil })
		return nil
	}
	s.dismiss = func() { _ = forget(addr) }
	s.outlive = func(returned bool) error {
		<-dialling.Done()
		return errors.Join(judge(dial, receive, returned), inherit(listener, addr))
	}
	if _, err := s.child.Hear(); err != nil {
		return nil, err
	}
	return s, s.ready()
}

func dialAndReceive(addr string) (dial, receive error) {
	ctx, cancel := bounded()
	defer cancel()
	conn, err := kith.Dial(ctx, addr)
	if err != nil {
		return err, nil
	}
	_, err = conn.Receive(ctx)
	return conn.Close(), err
}
