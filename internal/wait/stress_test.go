package wait

import (
	"context"
	"encoding/binary"
	flags "flag"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"kith/internal/kithtest"
)

var scale = flags.Int("scale", 1, "how many times longer the stress tests run; 50 is a million ping-pongs")

// rounds is the number of rounds of a stress test.
func rounds(n int) int {
	if testing.Short() || raceEnabled {
		n /= 5
	}
	return n * *scale
}

// TestPingPong sends a number there and back between two processes, with
// pauses that bring every store and look together. One lost wake-up is the end.
func TestPingPong(t *testing.T) {
	for _, test := range []struct {
		name   string
		spins  bool
		procs  int
		rounds int
	}{
		{"parking", false, 2, 12_000},
		{"parking on one P", false, 1, 5_000},
		{"spinning", true, 2, 5_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(test.procs))
			count := rounds(test.rounds)
			child, s := joined(t, "answer", test.spins, strconv.Itoa(test.procs), strconv.Itoa(count), "15")
			if err := s.ping(count); err != nil {
				child.Quit()
				t.Fatal(err)
			}
			theirs, err := child.Hear()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d ping-pongs, we parked %d times, the peer %s", count, s.parks.Load(), theirs)
			if !test.spins && s.parks.Load() < int64(count)/1000 {
				t.Errorf("only %d parks: the test does not test them", s.parks.Load())
			}
		})
	}
}

func (s *side) ping(count int) error {
	ctx, alive := watched()
	number := make([]byte, 8)
	for n := range uint64(count) {
		if n%256 == 0 {
			alive()
		}
		s.dawdle()
		binary.NativeEndian.PutUint64(number, n)
		if err := s.put(ctx, number); err != nil {
			return fmt.Errorf("ping %d: %w", n, err)
		}
		s.dawdle()
		if err := s.expect(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *side) expect(ctx context.Context, n uint64) error {
	_, body, err := s.next(ctx)
	if err != nil {
		return fmt.Errorf("waiting for %d: %w", n, err)
	}
	if got := binary.NativeEndian.Uint64(body); got != n {
		return fmt.Errorf("got %d, want %d", got, n)
	}
	copy(s.last[:], body)
	s.take(len(body))
	return nil
}

// answer is the peer: it sends back what comes.
func answer(args []string) error {
	spins := args[0] == "true"
	procs, _ := strconv.Atoi(args[1])
	count, _ := strconv.Atoi(args[2])
	runtime.GOMAXPROCS(procs)
	s, err := inherited(spins)
	if err != nil {
		return err
	}
	s.pauses, _ = strconv.Atoi(args[3])
	number := make([]byte, 8)
	for n := range uint64(count) {
		if err := s.expect(context.Background(), n); err != nil {
			return err
		}
		s.dawdle()
		binary.NativeEndian.PutUint64(number, n)
		if err := s.put(context.Background(), number); err != nil {
			return err
		}
		s.dawdle()
	}
	kithtest.Say(strconv.FormatInt(s.parks.Load(), 10))
	kithtest.Hear()
	return nil
}

// TestFlood fills the ring faster or slower than the peer empties it, so that
// both wait, one for room and one for data.
func TestFlood(t *testing.T) {
	for name, spins := range map[string]bool{"parking": false, "spinning": true} {
		t.Run(name, func(t *testing.T) {
			count := rounds(15_000)
			child, s := joined(t, "drain", spins, strconv.Itoa(count))
			ctx, alive := watched()
			for n := range uint64(count) {
				if n%256 == 0 {
					alive()
				}
				body := make([]byte, 8+n*37%1016)
				binary.NativeEndian.PutUint64(body, n)
				if err := s.put(ctx, body); err != nil {
					child.Quit()
					t.Fatalf("record %d: %v", n, err)
				}
				if n>>12&1 == 0 { // now the sender is the slower, now the receiver
					s.dawdle()
					s.dawdle()
				}
			}
			if err := s.expect(ctx, uint64(count)); err != nil {
				child.Quit()
				t.Fatal(err)
			}
			theirs, err := child.Hear()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d records, we parked for room %d times, the peer for data %s", count, s.parks.Load(), theirs)
			if !spins && s.parks.Load() == 0 {
				t.Error("the sender never parked: the test does not test that")
			}
		})
	}
}

// drain is the peer: it takes all, and then says how many there were.
func drain(args []string) error {
	count, _ := strconv.Atoi(args[1])
	s, err := inherited(args[0] == "true")
	if err != nil {
		return err
	}
	for n := range uint64(count) {
		if err := s.expect(context.Background(), n); err != nil {
			return err
		}
		if n>>12&1 == 1 {
			s.dawdle()
			s.dawdle()
		}
	}
	if s.consumer.Tell() {
		s.roomBell.Ring()
	}
	if err := s.put(context.Background(), binary.NativeEndian.AppendUint64(nil, uint64(count))); err != nil {
		return err
	}
	kithtest.Say(strconv.FormatInt(s.parks.Load(), 10))
	kithtest.Hear()
	return nil
}
