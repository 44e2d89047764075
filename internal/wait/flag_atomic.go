//go:build !amd64 || race

package wait

import "sync/atomic"

// A flag is set and cleared by one goroutine, and read by others. See
// flag_plain.go for why it is not this everywhere.
type flag struct{ value atomic.Uint32 }

func (f *flag) isSet() bool { return f.value.Load() != 0 }
func (f *flag) set()        { f.value.Store(1) }
func (f *flag) clear()      { f.value.Store(0) }
