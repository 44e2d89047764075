// Package wait is how a goroutine waits for a word in shared memory to change:
// it spins while that pays, then parks at a socket.
//
// # The protocol
//
// Each wait has a word of its own in the memory of the side that waits: a
// sequence number above a flag and two bits of mode. The waiter announces, looks again,
// and parks; the notifier publishes, and looks for an announcement.
//
//	waiter                               notifier
//	want = seq | asked                   store the header of the record
//	fence (Barrier)                      (no fence, or XCHG)
//	is the record there? no: park        is want asked, and not yet answered?
//	want = ++seq                         yes: remember it as answered; knock
//	is it there? no: from the start
//
// Every park has an announcement of its own. A notifier which is late with its
// look may answer one whose waiter has already seen what it published, and waits
// for more: were that waiter to go back to sleep on the same announcement, it
// would count as answered.
//
// Each stores, then looks at what the other stores. Were both looks done before
// the other's store is seen, the waiter would sleep for ever: a store followed
// by a load needs a fence on both sides. The waiter's sys.Barrier is a fence in
// every thread that runs anywhere, so it serves for both; where the kernel has
// none, each side publishes with a store that is a fence itself.
//
// The barrier interrupts each CPU where one of these threads runs: ten microseconds and
// more, in a virtual machine, beside a busy goroutine. So a waiter that parks says in its
// word (fencing) that it will again. From that barrier on, the notifier sees so, fences,
// and looks a second time; and the waiter needs no further one, until it has found what it
// waits for without parking, and takes the flag back.
package wait

import (
	"runtime"
	"sync/atomic"
	"time"

	"kith/internal/sys"
)

const (
	// turns is how often a spinner looks before it lets others run.
	turns = 64
	// patience is how long a spin goes on: more than it takes to wake a halted
	// core, so that of two sides which have fallen into parking one can bring
	// both back.
	patience = 100 * time.Microsecond

	full = 1 << 10 // the score where all spins have paid
	// pays is the score above which spinning is worth its time: a spin in vain
	// costs about what a wake-up costs.
	pays     = full / 2
	maxPause = 256 // waits between two probes, at most
)

// spinning counts the goroutines of this process that spin for long.
var spinning atomic.Int32

// A Spinner decides whether to spin, by how it went before: it keeps a moving
// average of the spins that paid, which found what they waited for, and sooner
// than by parking. While spinning does not pay, it probes now and then, ever
// more rarely.
type Spinner struct {
	score int           // 0…full, as if spinning had failed so far
	skip  int           // waits until the next probe
	pause int           // how many were skipped before this one
	park  time.Duration // the shortest park of late
}

// A Stage is how a wait ends.
type Stage uint8

// The stages.
const (
	Looked Stage = iota // within the first looks
	Spun                // while it spun on
	Parked              // not by looking
	stages
)

// Until spins until the word is not old, if that is likely to be soon. It is Parked
// where the word is old still.
func (s *Spinner) Until(word *atomic.Uint64, old uint64) Stage {
	if s.score < pays && !s.probe() {
		return Parked
	}
	found, took := spin(word, old)
	// Where both sides share a CPU, a spin keeps the peer from running, and finds
	// what it waits for only when the kernel steps in; a park is much shorter.
	// A late find says nothing as long as no park has been timed.
	s.learn(found && (took == 0 || took < s.park))
	switch {
	case !found:
		return Parked
	case took == 0:
		return Looked
	default:
		return Spun
	}
}

// Parked tells how long a wait took that ended in a park.
func (s *Spinner) Parked(took time.Duration) {
	if s.park == 0 || took < s.park {
		s.park = took
	} else {
		s.park += s.park / 16 // what was short once need not be so for ever
	}
}

// probe reports whether this is the wait on which to try again.
func (s *Spinner) probe() bool {
	if s.skip > 0 {
		s.skip--
		return false
	}
	return true
}

func (s *Spinner) learn(paid bool) {
	if paid {
		s.score += (full - s.score) / 4
		s.pause = 0
		return
	}
	s.score -= s.score / 4
	if s.score < pays {
		s.pause = min(2*s.pause+1, maxPause)
		s.skip = s.pause
	}
}

// spin looks at the word for a short while on its own account, then for as long
// as patience lasts as one of a limited number.
func spin(word *atomic.Uint64, old uint64) (found bool, took time.Duration) {
	if look(word, old) {
		return true, 0
	}
	defer spinning.Add(-1)
	if int(spinning.Add(1)) > max(1, runtime.GOMAXPROCS(0)/2) {
		return false, 0
	}
	for start := time.Now(); !found && took < patience; took = time.Since(start) {
		runtime.Gosched()
		found = look(word, old)
	}
	return found, took
}

func look(word *atomic.Uint64, old uint64) bool {
	for range turns {
		if word.Load() != old {
			return true
		}
		sys.Pause()
	}
	return false
}
