package wait

import (
	"errors"
	"sync"
	"testing"
)

func TestGate(t *testing.T) {
	g := NewGate()
	if !g.Enter() {
		t.Fatal("an open gate lets nobody in")
	}
	if g.Enter() || !errors.Is(g.Refused(), ErrTaken) {
		t.Errorf("a second call: %v", g.Refused())
	}
	g.Leave()
	if !g.Enter() {
		t.Error("after Leave nobody gets in")
	}
	g.Leave()
	if g.IsShut() || !g.Shut() || g.Shut() || !g.IsShut() {
		t.Error("Shut does not tell who was first")
	}
	if g.Enter() || !errors.Is(g.Refused(), ErrShut) {
		t.Errorf("after Shut: %v", g.Refused())
	}
	g.Wait()
	g.Wait()
}

func TestGateWaitsForTheCallInside(t *testing.T) {
	g := NewGate()
	if !g.Enter() {
		t.Fatal("not let in")
	}
	g.Shut()
	if g.Enter() || !errors.Is(g.Refused(), ErrShut) {
		t.Errorf("taken and shut: %v", g.Refused())
	}
	waited := make(chan struct{})
	go func() { g.Wait(); close(waited) }()
	select {
	case <-waited:
		t.Error("Wait did not wait")
	default:
	}
	g.Leave()
	<-waited
}

// Whoever gets in works on memory that ends with Wait: a plain variable here,
// so that the race detector sees as well that Wait comes after every Leave.
func TestGateKeepsMemory(t *testing.T) {
	iterations := 5_000
	if testing.Short() || raceEnabled {
		iterations = 2_000
	}
	for range iterations {
		g := NewGate()
		memory := new(int)
		*memory = 1
		var callers sync.WaitGroup
		entered := make(chan struct{}, 1)
		callers.Go(func() {
			for g.Enter() {
				if *memory != 1 {
					t.Error("inside after Wait")
				}
				g.Leave()
				select {
				case entered <- struct{}{}:
				default:
				}
			}
			if !errors.Is(g.Refused(), ErrShut) {
				t.Errorf("ended with %v", g.Refused())
			}
		})
		<-entered
		g.Shut()
		g.Wait()
		*memory = 0
		callers.Wait()
	}
}

func TestGateAllocatesNothing(t *testing.T) {
	g := NewGate()
	if n := testing.AllocsPerRun(1000, func() { g.Enter(); g.Leave() }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}
