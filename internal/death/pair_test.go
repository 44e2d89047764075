//go:build amd64

package death_test

import (
	"errors"
	"strconv"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// pair is a connection, whose one side is the victim's.
func pair(number int, role string) setting {
	return func(t *testing.T, directory, name string) (*scene, error) {
		o, addr := &operations[number], at(directory, name)
		my := &survivor{size: o.length()}
		s := &scene{operation: o, survivor: my, arrived: func() int { return my.received }}
		s.dismiss = func() {
			_ = my.conn.Close()
			if my.parked != nil {
				_ = my.parked.Wait()
			}
			_ = forget(addr)
		}
		s.outlive = func(returned bool) error { return errors.Join(my.outlive(o, returned), inherit(role, addr)) }
		if o.wake != nil {
			s.wake = func() error { return o.wake(my) }
		}
		err := s.meet(my, addr, func() *kithtest.Child { return start(t, "victim", strconv.Itoa(number), role, addr) }, role)
		for _, act := range []func(*survivor) error{
			o.before,
			func(*survivor) error { return s.child.Say("prepare") },
			o.meanwhile,
			func(*survivor) error { return s.ready() },
			o.ready,
		} {
			if err == nil && act != nil {
				err = act(my)
			}
		}
		return s, err
	}
}

// meet starts the victim, and makes our side of the connection.
func (s *scene) meet(my *survivor, addr string, start func() *kithtest.Child, role string) (err error) {
	ctx, cancel := bounded()
	defer cancel()
	if role == listener {
		s.child = start()
		if _, err = s.child.Hear(); err == nil {
			my.conn, err = kith.Dial(ctx, addr)
		}
		return err
	}
	l, err := kith.Listen(ctx, addr)
	if err != nil {
		return err
	}
	s.child = start()
	my.conn, err = l.Accept(ctx)
	return errors.Join(err, l.Close())
}
