package wait

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"kith/internal/sys"
)

// TestWithoutTheBarrier is no test of ours but a proof of the others: it runs
// the protocol with its fence left out, between the same two processes, and
// says how many wake-ups that loses. It can be none, where announcement and
// answer do not happen to meet: TestBarrierFencesBoth in kith/internal/sys makes
// them meet, and counts the same reordering by the dozen.
func TestWithoutTheBarrier(t *testing.T) {
	if !sys.HaveBarrier() {
		t.Log("this kernel has no membarrier(2): every store is a fence here")
		return
	}
	count := rounds(10_000)
	_, s := joined(t, "answer", true, "2", strconv.Itoa(count), "4")
	s.pauses = 4 // short, so that announcement and answer meet
	ctx, alive := watched()
	lost := 0
	for n := range uint64(count) {
		alive()
		s.dawdle()
		if err := s.put(ctx, binary.NativeEndian.AppendUint64(nil, n)); err != nil {
			t.Fatal(err)
		}
		s.dawdle()
		missed, err := s.unfenced(ctx)
		if err != nil {
			t.Fatal(err)
		}
		lost += missed
		if err := s.expect(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("without the barrier %d of %d waits lost their wake-up, of %d parks", lost, count, s.parks.Load())
}

// unfenced is Waiter.Wait for data without sys.Barrier. A lost wake-up is a
// record that is there while we sleep on for a time that no wake-up takes.
func (s *side) unfenced(ctx context.Context) (lost int, err error) {
	w, word := &s.data, s.consumer.Word()
	for word.Load() == 0 {
		w.want.Store(w.seq<<2 | asked)
		if word.Load() == 0 {
			err = w.door.socket.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if err == nil {
				err = w.door.Await(ctx)
			}
			if errors.Is(err, os.ErrDeadlineExceeded) && word.Load() != 0 {
				lost++
			}
		}
		w.withdraw()
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return lost, err
		}
	}
	return lost, w.door.socket.SetReadDeadline(time.Time{})
}
