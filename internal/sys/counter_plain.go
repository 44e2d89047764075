//go:build amd64 && !race

package sys

import "sync/atomic"

// A Counter counts for one goroutine at a time, and is read by any. On amd64 a plain
// store is seen by others whole and soon; sync/atomic's would be an XCHG, which costs as
// much as the rest of a short call.
type Counter struct{ value uint64 }

// Add counts n more.
func (c *Counter) Add(n uint64) { c.value += n }

// Load is the count, which never goes back.
func (c *Counter) Load() uint64 { return atomic.LoadUint64(&c.value) }
