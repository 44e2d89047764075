package driver

import (
	"sync"
	"testing"
)

// A listener hands its Address to whoever asks, and a transport may dial one
// from several goroutines: taking the keys of a copy touches no other copy.
func TestAddressIsAValue(t *testing.T) {
	first, err := ParseAddress("shm:x?limit=1m")
	if err != nil {
		t.Fatal(err)
	}
	second := first
	first.Limit()
	if err := first.Done(); err != nil {
		t.Fatal(err)
	}
	if err := second.Done(); err == nil {
		t.Error("the key that one copy took counts as taken in another")
	}
}

func TestAddressInManyGoroutines(t *testing.T) {
	parsed, err := ParseAddress("shm:x?limit=1m")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				a := parsed
				if a.Limit() != 1<<20 || a.Done() != nil {
					t.Error(a.Limit(), a.Done())
					return
				}
			}
		})
	}
	all.Wait()
}
