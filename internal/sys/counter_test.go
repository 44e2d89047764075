package sys

import (
	"sync"
	"testing"
)

// One goroutine counts, others read meanwhile: what they see only grows, and the last
// they see is all.
func TestCounter(t *testing.T) {
	const times, step = 100_000, 3
	var counter Counter
	var readers sync.WaitGroup
	counted := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			last := uint64(0)
			for done := false; !done; {
				select {
				case <-counted:
					done = true
				default:
				}
				now := counter.Load()
				if now < last || now%step != 0 {
					t.Errorf("%d comes after %d", now, last)
				}
				last = now
			}
			if last != times*step {
				t.Errorf("at the end a reader sees %d, want %d", last, times*step)
			}
		})
	}
	for range times {
		counter.Add(step)
	}
	close(counted)
	readers.Wait()
}

func TestCounterAllocatesNothing(t *testing.T) {
	var counter Counter
	if n := testing.AllocsPerRun(1000, func() { counter.Add(1) }); n != 0 {
		t.Errorf("%v allocations a count", n)
	}
}
