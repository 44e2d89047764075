package lock

import (
	"sync"
	"testing"
)

// Whoever locks at once, each has a handle of its own.
func TestHandlesAreDistinct(t *testing.T) {
	o := &open{}
	var all sync.Map
	var goroutines sync.WaitGroup
	for range 8 {
		goroutines.Go(func() {
			for range 1000 {
				if _, had := all.LoadOrStore(o.handle(), true); had {
					t.Error("a handle was given out twice")
				}
			}
		})
	}
	goroutines.Wait()
}
