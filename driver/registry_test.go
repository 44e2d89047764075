package driver

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A scheme is a transport of which only the traits are asked.
type scheme string

func (s scheme) Traits() Traits                                  { return Traits{Scheme: string(s)} }
func (scheme) Resolve(a Address) (Address, error)                { return a, nil }
func (scheme) Dial(context.Context, Address) (Conn, error)       { return nil, errors.ErrUnsupported }
func (scheme) Listen(context.Context, Address) (Listener, error) { return nil, errors.ErrUnsupported }

func TestRegistry(t *testing.T) {
	defer func() { registry.transports = nil }()
	if _, err := Lookup("b"); !errors.Is(err, ErrAddress) {
		t.Errorf("out of nothing: %v", err)
	}
	var all sync.WaitGroup
	for _, s := range []scheme{"c", "a", "b"} {
		all.Go(func() { Register(s) })
		all.Go(func() { _, _ = Lookup(string(s)); Transports() })
	}
	all.Wait()
	if got, err := Lookup("b"); got != scheme("b") || err != nil {
		t.Errorf("b is %v, %v", got, err)
	}
	if got := Transports(); !slices.Equal(got, []Transport{scheme("a"), scheme("b"), scheme("c")}) {
		t.Errorf("all are %v", got)
	}
	if _, err := Lookup("d"); !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), `"d": have a, b, c`) {
		t.Errorf("d: %v", err)
	}
	defer func() {
		if why := recover(); why == nil {
			t.Error("b could be registered twice")
		}
	}()
	Register(scheme("b"))
}

func TestReach(t *testing.T) {
	for reach, want := range map[Reach]string{0: "?", Related: "related", Host: "host", Network: "network"} {
		if got := reach.String(); got != want {
			t.Errorf("%d is %q", reach, got)
		}
	}
}
