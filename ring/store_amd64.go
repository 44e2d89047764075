//go:build !race

package ring

// publish stores a value so that whoever sees it also sees all that was stored
// before. On amd64 a plain store does that, and the compiler keeps stores in their
// order; sync/atomic would use XCHG, a full fence and five times as dear. A later load may
// be done before the store is seen: kith/internal/wait says why that is no harm.
func publish(p *uint64, value uint64) { *p = value }

// want asks for the two lines that come 256 bytes behind an address, to write them.
// They are in the reader's cache: that hides a good part of the time that it takes to
// get them.
//
//go:noescape
func want(p *uint64)
