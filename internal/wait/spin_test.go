package wait

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// didSpin runs one wait and reports whether it spun: a wait that did not only
// counts towards the next probe.
func didSpin(s *Spinner, word *atomic.Uint64, old uint64) bool {
	before := *s
	s.Until(word, old)
	before.skip--
	return *s != before
}

// A spinner that finds nothing probes ever more rarely, never more rarely than
// once in maxPause waits, and never gives up.
func TestSpinnerStopsAndProbes(t *testing.T) {
	var s Spinner
	var word atomic.Uint64
	since, pause := 0, 0
	for range 2000 {
		if !didSpin(&s, &word, 0) {
			since++
			continue
		}
		if since != pause {
			t.Fatalf("it probed after %d waits, want after %d", since, pause)
		}
		since, pause = 0, min(2*pause+1, maxPause)
	}
	if pause != maxPause {
		t.Errorf("after 2000 waits it pauses for %d, want %d", pause, maxPause)
	}
}

// From the slow mode a few probes that find something bring it back, and then
// it spins each time.
func TestSpinnerComesBack(t *testing.T) {
	var s Spinner
	var word atomic.Uint64
	for range 300 {
		s.Until(&word, 0)
	}
	found := 0
	for n := 0; s.score < pays; n++ {
		if n > 2*maxPause {
			t.Fatalf("after %d waits, %d of them found in a probe, its score is %d", n, found, s.score)
		}
		if s.Until(&word, 1) != Parked { // the word is another: there at once
			found++
		}
	}
	if found > 4 {
		t.Errorf("it took %d finds", found)
	}
	for range 1000 {
		if s.Until(&word, 1) != Looked {
			t.Fatal("while spinning pays, it did not spin")
		}
	}
	for n := 0; s.score >= pays; n++ {
		if n > 8 {
			t.Fatal("it does not stop when spinning fails again")
		}
		s.Until(&word, 0)
	}
}

// A spin that finds what it waits for later than a park would does not pay.
func TestSpinnerComparesWithParking(t *testing.T) {
	s := Spinner{score: full}
	s.Parked(40 * time.Microsecond)
	if s.Parked(30 * time.Microsecond); s.park != 30*time.Microsecond {
		t.Errorf("the shortest of 40 and 30 µs is %v", s.park)
	}
	if s.Parked(90 * time.Microsecond); s.park <= 30*time.Microsecond || s.park > 40*time.Microsecond {
		t.Errorf("a longer park moves the mark to %v", s.park)
	}
	var word atomic.Uint64
	for range 20 {
		s.park = 1 // nanosecond: no spin beyond the first look is as short
		spinLate(t, &s, &word)
	}
	if s.score >= pays {
		t.Errorf("spins that came late have the score %d", s.score)
	}
}

// As long as no park was timed, a late find is no reason to spin: on one CPU every
// find is late, for the spin keeps the peer from running.
func TestSpinnerBeforeAPark(t *testing.T) {
	s := Spinner{score: full}
	var word atomic.Uint64
	for range 20 {
		spinLate(t, &s, &word)
	}
	if s.score >= pays || s.park != 0 {
		t.Errorf("late finds before any park have the score %d (a park of %v)", s.score, s.park)
	}
}

// spinLate is a wait whose word changes when the spinner first lets others run.
func spinLate(t *testing.T, s *Spinner, word *atomic.Uint64) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	old := word.Load()
	go word.Add(1)
	s.skip = 0
	s.Until(word, old)
	for word.Load() == old {
		runtime.Gosched()
	}
}

// Where as many spin as may, another looks for a moment and leaves; it does not
// even let others run. With one P, a goroutine that is to change the word runs
// only if the spinner lets it.
func TestSpinningIsRationed(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const tries = 200
	for _, test := range []struct {
		others      int32
		least, most int
	}{{0, tries * 9 / 10, tries}, {1, 0, tries / 10}} { // the rest is for preemption
		spinning.Store(test.others)
		found := 0
		for range tries {
			var word atomic.Uint64
			done := make(chan struct{})
			go func() { word.Store(1); close(done) }()
			if there, _ := spin(&word, 0); there {
				found++
			}
			<-done
		}
		if found < test.least || found > test.most {
			t.Errorf("beside %d others, %d of %d spins went on", test.others, found, tries)
		}
		if got := spinning.Swap(0); got != test.others {
			t.Errorf("%d spinners are counted, want %d", got, test.others)
		}
	}
}
