package driver

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

var registry struct {
	sync.RWMutex
	transports map[string]Transport
}

// Register makes t the transport of its scheme. It panics when the scheme is
// taken: two of a kind are a mistake in the program.
func Register(t Transport) {
	registry.Lock()
	defer registry.Unlock()
	scheme := t.Traits().Scheme
	if _, taken := registry.transports[scheme]; taken {
		panic("kith: two transports for the scheme " + scheme)
	}
	if registry.transports == nil {
		registry.transports = map[string]Transport{}
	}
	registry.transports[scheme] = t
}

// Lookup finds the transport of a scheme.
func Lookup(scheme string) (Transport, error) {
	registry.RLock()
	defer registry.RUnlock()
	if t, found := registry.transports[scheme]; found {
		return t, nil
	}
	return nil, fmt.Errorf("%w: unknown scheme %q: have %s", ErrAddress, scheme, strings.Join(schemes(), ", "))
}

// Transports lists what is registered, by scheme.
func Transports() []Transport {
	registry.RLock()
	defer registry.RUnlock()
	var all []Transport
	for _, scheme := range schemes() {
		all = append(all, registry.transports[scheme])
	}
	return all
}

func schemes() []string {
	var all []string
	for scheme := range registry.transports {
		all = append(all, scheme)
	}
	slices.Sort(all)
	return all
}
