package ring

// publish stores a value so that whoever sees it also sees all that was stored
// before. On amd64 a plain store does that; sync/atomic would use XCHG, a full
// fence and five times as dear. A later load may be done before the store is
// seen: kith/internal/wait says why that is no harm.
//
//go:noescape
func publish(p *uint64, value uint64)
