// Package transporttest is the conformance battery of kith's connections: what
// every transport owes to those who use it through a kith.Conn. The author of
// a transport writes
//
//	func TestMain(m *testing.M) { transporttest.Main(m) }
//
//	func TestConformance(t *testing.T) {
//		transporttest.Run(t, transporttest.Subject{Address: …})
//	}
//
// in a test package that registers the transport when it is initialised, for
// the test binary is also the other process of nearly every case: Main makes
// it so.
//
// A transport whose Traits say Named meets its peer with Dial and Listen. Each
// case runs between two processes, the peer dialling and the peer listening,
// and again inside one process. Any other transport joins a child with
// kith.StartAt and kith.Parent. Cases that a transport's Traits rule out are
// left out, and the log says so.
//
// After each case both processes look for what was left behind: descriptors,
// goroutines, mappings of memfds, threads, files beside the name. So a Run
// must be alone in its process: no t.Parallel.
package transporttest

import (
	"testing"

	"kith/driver"
	"kith/internal/kithtest"
)

// A Subject is what the battery tests.
type Subject struct {
	// Address makes an address that nobody uses: "unix:/tmp/x7/name",
	// "tcp:127.0.0.1:0", "fd:?via=socket". A path must be in a directory that is
	// there, and in which nobody else works. The battery adds the key `limit`.
	Address func(t testing.TB) string
}

// Main is the TestMain of a package that calls Run.
func Main(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{childName: perform})
	kithtest.Main(m)
}

// Run runs the battery, as subtests named mode/case.
func Run(t *testing.T, subject Subject) {
	traits := traitsOf(t, subject.Address(t))
	if traits.Summary == "" || traits.Access == "" || traits.Races == "" {
		t.Errorf("it does not say how bytes travel, who gets in, or what a race can do: %+v", traits)
	}
	sockets := traits.Named && hasSocket(t, subject.Address(t))
	for _, m := range modesOf(traits) {
		t.Run(m.name, func(t *testing.T) {
			before := kithtest.Hold()
			for _, c := range cases() {
				if !m.plays(c) {
					continue
				}
				if why := c.leftOut(traits, sockets); why != "" {
					t.Logf("%s is left out: %s", c.name, why)
					continue
				}
				t.Run(c.name, func(t *testing.T) { play(t, m, c, subject.Address(t)) })
			}
			settled(t, before)
		})
	}
}

func traitsOf(t testing.TB, address string) driver.Traits {
	t.Helper()
	a, err := driver.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := driver.Lookup(a.Scheme)
	if err != nil {
		t.Fatal(err)
	}
	traits := transport.Traits()
	if traits.MaxMessage <= 0 || !traits.Connected || traits.Scheme != a.Scheme || traits.Reach < driver.Related {
		t.Fatalf("not the traits of a transport that carries connections: %+v", traits)
	}
	return traits
}
