package kith_test

import (
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// A message of which a part was read is lent still. Whoever has the turn when Close comes,
// before it has looked or after, the memory is given back.
func TestNetCloseBetweenReads(t *testing.T) {
	before := kithtest.Hold()
	l, err := kith.ListenNet(t.Context(), at("shm", alone(t))+"?ring=4k")
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		a, err := kith.DialNet(t.Context(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		reading := kithtest.Go(func() error {
			for {
				if _, err := b.Read(nil); err != nil {
					return nil
				}
			}
		})
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		_ = reading.Wait()
		_ = a.Close()
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}
