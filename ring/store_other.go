//go:build !amd64

package ring

import "sync/atomic"

// StoreRelease stores a value so that whoever sees it also sees all that was
// stored before.
func StoreRelease(p *uint64, value uint64) { atomic.StoreUint64(p, value) }
