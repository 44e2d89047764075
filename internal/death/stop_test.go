package death_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"kith/internal/kithtest"
)

// A process that does everything at once is stopped at random moments (SIGSTOP), and goes
// on: nothing is lost, nothing torn, until it is killed.
func TestStoppedAtRandom(t *testing.T) {
	before := kithtest.Hold()
	directory := place(t)
	stops := 0
	for n := range 2 + kills(t)/10 {
		s := storm{role: roles[n%2], addr: at(directory, "x"), until: 2000 + rand.IntN(8000), halts: true}
		seed := rand.Uint64()
		if err := s.outlive(t, filepath.Join(directory, "ledger"), seed); err != nil {
			t.Fatalf("process %d, a %s with the seed %d, killed after %d messages: %v", n, s.role, seed, s.until, err)
		}
		stops += s.stops
	}
	t.Logf("%d stops", stops)
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// armHalts makes halt stop the process for a moment, while we go on.
func (s *storm) armHalts() *kithtest.Call {
	s.halt = make(chan struct{}, 1)
	return kithtest.Go(func() error {
		for range s.halt {
			if err := s.child.Stop(); err != nil {
				if s.child.Killed() {
					return nil
				}
				return err
			}
			s.stops++
			if err := s.child.Continue(); err != nil && !s.child.Killed() {
				return err
			}
		}
		return nil
	})
}

// act is what is done to the process after a message.
func (s *storm) act() {
	if s.received >= s.until {
		s.kill()
	}
	if s.halts && rand.IntN(200) == 0 {
		select {
		case s.halt <- struct{}{}:
		default: // it is stopped
		}
	}
}
