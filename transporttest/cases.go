package transporttest

import (
	"slices"

	"kith/driver"
)

// A role is one side of a case.
type role func(s *side) error

// A testCase is played by two sides: near, in the test, and far, its peer.
type testCase struct {
	name string
	// meets: the sides dial and listen themselves; else they are given a Conn
	// that joins them.
	meets bool
	// kills: near stops or kills far, which must be a process.
	kills bool
	// strangers: one that does not speak kith comes in by the name's socket.
	strangers bool
	// needs are the traits without which the case means nothing.
	needs []trait
	// keys are added to near's address, and to far's unless farKeys are.
	keys, farKeys string

	near, far role
}

// A trait is something that a transport declares of itself, or does not.
type trait struct {
	name     string
	declared func(driver.Traits) bool
}

var (
	ordered    = trait{"Ordered", func(t driver.Traits) bool { return t.Ordered }}
	lossless   = trait{"Lossless", func(t driver.Traits) bool { return t.Lossless }}
	named      = trait{"Named", func(t driver.Traits) bool { return t.Named }}
	boundaries = trait{"Boundaries", func(t driver.Traits) bool { return t.Boundaries }}
)

// stream are the traits of all that says which message comes next.
var stream = []trait{ordered, lossless}

// leftOut is what a transport lacks for the case, or "".
func (c testCase) leftOut(t driver.Traits, sockets bool) string {
	if c.strangers && !sockets {
		return "the name is no socket's"
	}
	for _, needed := range c.needs {
		if !needed.declared(t) {
			return t.Scheme + " does not declare " + needed.name
		}
	}
	return ""
}

func cases() []testCase {
	return slices.Concat(orderCases, batchCases, sizeCases, pressureCases, concurrentCases, cancelCases, closeCases,
		halfCloseCases, deathCases, listenerCases, nameCases, strangerCases)
}

func caseNamed(name string) (testCase, bool) {
	all := cases()
	if i := slices.IndexFunc(all, func(c testCase) bool { return c.name == name }); i >= 0 {
		return all[i], true
	}
	return testCase{}, false
}

func (c testCase) farOwnKeys() string {
	if c.farKeys != "" {
		return c.farKeys
	}
	return c.keys
}
