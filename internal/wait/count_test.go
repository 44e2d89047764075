package wait

import (
	"testing"
	"time"
)

// Each wait counts in the stage that ended it, and each knock that was sent: another
// goroutine reads the counts meanwhile.
func TestWaitsAreCounted(t *testing.T) {
	l := newLane(t)
	l.waiter.spinner = Spinner{score: full}
	l.word.Store(1)
	if err := l.waiter.Wait(t.Context(), &l.word, 0); err != nil {
		t.Fatal(err)
	}
	want := Waits{Looked: 1}
	if got := l.waiter.Waits(); got != want {
		t.Errorf("after a wait for what was there: %+v, want %+v", got, want)
	}
	for l.waiter.Waits().Spun == 0 { // whether one does is a matter of who runs when
		l.waiter.spinner = Spinner{score: full}
		before := l.waiter.Waits()
		old := l.word.Load()
		rung := make(chan struct{})
		time.AfterFunc(patience/4, func() { l.word.Add(1); l.bell.Ring(); close(rung) })
		if err := l.waiter.Wait(t.Context(), &l.word, old); err != nil {
			t.Fatal(err)
		}
		<-rung
		after := l.waiter.Waits()
		if after.Looked+after.Spun+after.Parked != before.Looked+before.Spun+before.Parked+1 {
			t.Errorf("one wait made %+v of %+v", after, before)
		}
	}
	before, knocks := l.waiter.Waits(), l.bell.Knocks()
	for n := range uint64(3) {
		parkAndWake(t, l)
		if got := l.waiter.Waits(); got.Parked != before.Parked+n+1 || got.Spun != before.Spun {
			t.Errorf("after %d parks: %+v, before %+v", n+1, got, before)
		}
		if got := l.bell.Knocks(); got != knocks+n+1 {
			t.Errorf("after %d parks: %d knocks, before %d", n+1, got, knocks)
		}
		l.bell.Ring() // nobody asks
	}
	if got := l.bell.Knocks(); got != knocks+3 {
		t.Errorf("it knocked where nobody asked: %d, want %d", got, knocks+3)
	}
}

func parkAndWake(t *testing.T, l *lane) {
	t.Helper()
	l.waiter.spinner = Spinner{skip: 1}
	l.word.Store(0)
	call := l.parked(t, t.Context())
	l.word.Store(1)
	l.bell.Ring()
	if err := woken(t, call); err != nil {
		t.Fatal(err)
	}
}
