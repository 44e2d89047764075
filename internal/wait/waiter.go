package wait

import (
	"context"
	"sync/atomic"
	"time"

	"kith/internal/sys"
)

// The modes of a want word.
const (
	asked  = 1 // the waiter is about to park, or has
	closed = 2 // nobody will ever wait here again
	modes  = 3
)

// A Waiter waits, for one goroutine at a time, for words in the peer's memory
// to change.
type Waiter struct {
	spinner Spinner
	want    *atomic.Uint64 // in our own memory
	seq     uint64
	door    *Door
	gate    *Gate
}

// NewWaiter announces in want, and parks at door. A Shut of the gate ends its
// waits, if Interrupt of the door follows.
func NewWaiter(want *atomic.Uint64, door *Door, gate *Gate) Waiter {
	return Waiter{want: want, door: door, gate: gate}
}

// Wait returns when the word is not old. What has changed by then is no error,
// whatever else has happened. Else the errors are ErrHangUp, ErrShut, the cause
// of ctx, or the kernel's.
func (w *Waiter) Wait(ctx context.Context, word *atomic.Uint64, old uint64) error {
	if w.spinner.Until(word, old) {
		return nil
	}
	w.door.Arm(ctx)
	for start := time.Now(); ; {
		err := w.park(ctx, word, old)
		switch {
		case word.Load() != old:
			w.spinner.Parked(time.Since(start))
			return nil
		case w.gate.IsShut():
			return ErrShut
		case err != nil:
			return err
		}
	}
}

// park announces, looks again, and sleeps until there is a knock. Each time it
// announces anew: a notifier that had published before, and looks only now, may
// answer an announcement that the waiter still needs.
func (w *Waiter) park(ctx context.Context, word *atomic.Uint64, old uint64) error {
	w.want.Store(w.seq<<2 | asked)
	defer w.withdraw()
	sys.Barrier()
	if word.Load() != old || w.gate.IsShut() { // shut: Arm may have taken an Interrupt back
		return nil
	}
	return w.door.Await(ctx)
}

func (w *Waiter) withdraw() {
	w.seq++
	w.want.Store(w.seq << 2)
}

// Close tells the peer that nobody will wait here again.
func (w *Waiter) Close() { w.want.Store(w.seq<<2 | closed) }

// A Bell wakes the peer, where it asks for it.
type Bell struct {
	want     *atomic.Uint64 // in the peer's memory
	answered uint64         // the announcement that was answered last
	door     *Door
}

// NewBell looks for announcements in want, and knocks at door.
func NewBell(want *atomic.Uint64, door *Door) Bell { return Bell{want: want, door: door} }

// Ring wakes the peer if it has asked and was not answered yet. It comes after
// the publishing store. It reports whether the peer has closed.
func (b *Bell) Ring() (open bool) {
	if want := b.want.Load(); want&modes != 0 {
		return b.answer(want)
	}
	return true
}

func (b *Bell) answer(want uint64) (open bool) {
	if want&modes == asked && want != b.answered {
		b.answered = want
		b.door.Knock()
	}
	return want&modes == asked
}
