//go:build !amd64 || race

package sys

import "sync/atomic"

// A Counter counts for one goroutine at a time, and is read by any. See
// counter_plain.go for why it is not this everywhere.
type Counter struct{ value atomic.Uint64 }

// Add counts n more.
func (c *Counter) Add(n uint64) { c.value.Store(c.value.Load() + n) }

// Load is the count, which never goes back.
func (c *Counter) Load() uint64 { return c.value.Load() }
