//go:build !amd64 || race

package ring

import "sync/atomic"

// publish stores a value so that whoever sees it also sees all that was stored
// before.
func publish(p *uint64, value uint64) { atomic.StoreUint64(p, value) }

// want asks for memory that is about to be written, where that can be done.
func want(*uint64) {}
