//go:build !amd64

package ring

import "sync/atomic"

// publish stores a value so that whoever sees it also sees all that was stored
// before.
func publish(p *uint64, value uint64) { atomic.StoreUint64(p, value) }
