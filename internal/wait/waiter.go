package wait

import (
	"context"
	"sync/atomic"
	"time"

	"kith/internal/sys"
)

// The modes of a want word, a flag beside them, and where the sequence number begins.
const (
	asked   = 1 // the waiter is about to park, or has
	closed  = 2 // nobody will ever wait here again
	modes   = 3
	fencing = 4 // the notifier is to fence between its store and its look
	number  = 3
)

// A Waiter waits, for one goroutine at a time, for words in the peer's memory
// to change.
type Waiter struct {
	spinner Spinner
	want    *atomic.Uint64 // in our own memory
	seq     uint64
	flag    uint64 // fencing, or 0, as the word has it
	door    *Door
	gate    *Gate
	waits   [stages]sys.Counter
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
	how := w.spinner.Until(word, old)
	w.waits[how].Add(1)
	if how != Parked {
		w.relieve()
		return nil
	}
	w.door.Arm(ctx)
	for start := time.Now(); ; {
		slept, err := w.park(ctx, word, old)
		switch {
		case word.Load() != old:
			if slept { // else it says nothing of what a park takes
				w.spinner.Parked(time.Since(start))
			}
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
func (w *Waiter) park(ctx context.Context, word *atomic.Uint64, old uint64) (slept bool, err error) {
	fences := w.flag != 0 // and has since a barrier
	w.flag = fencing
	w.announce(asked) // a fence for ourselves
	defer w.withdraw()
	if !fences {
		sys.Barrier()
	}
	if word.Load() != old || w.gate.IsShut() { // shut: Arm may have taken an Interrupt back
		return false, nil
	}
	return true, w.door.Await(ctx)
}

// relieve spares the peer its fences, now that we do not park: until we do again.
func (w *Waiter) relieve() {
	if w.flag != 0 {
		w.flag = 0
		w.announce(0)
	}
}

func (w *Waiter) withdraw() {
	w.seq++
	w.announce(0)
}

// Close tells the peer that nobody will wait here again.
func (w *Waiter) Close() { w.announce(closed) }

func (w *Waiter) announce(mode uint64) { w.want.Store(w.seq<<number | w.flag | mode) }

// Waits counts waits by the stage in which they ended.
type Waits struct {
	Looked uint64 // what they waited for was there within a few looks
	Spun   uint64 // it came while they spun
	Parked uint64 // they parked, or went to
}

// Waits counts those so far. Any goroutine may ask.
func (w *Waiter) Waits() Waits {
	return Waits{w.waits[Looked].Load(), w.waits[Spun].Load(), w.waits[Parked].Load()}
}

// A Bell wakes the peer, where it asks for it.
type Bell struct {
	want     *atomic.Uint64 // in the peer's memory
	answered uint64         // the announcement that was answered last
	door     *Door
	knocks   sys.Counter
	fence    uint32 // nobody looks at it
}

// NewBell looks for announcements in want, and knocks at door.
func NewBell(want *atomic.Uint64, door *Door) Bell { return Bell{want: want, door: door} }

// Ring wakes the peer if it has asked and was not answered yet. It comes after
// the publishing store. It reports whether the peer has closed.
func (b *Bell) Ring() (open bool) {
	if want := b.want.Load(); want&(modes|fencing) != 0 {
		return b.answer(want)
	}
	return true
}

func (b *Bell) answer(want uint64) (open bool) {
	if want&fencing != 0 {
		atomic.StoreUint32(&b.fence, 0) // an XCHG on amd64, and elsewhere as good as one
		want = b.want.Load()
	}
	if want&modes == asked && want != b.answered {
		b.answered = want
		b.knocks.Add(1)
		b.door.Knock()
	}
	return want&modes <= asked
}

// Knocks counts the knocks so far. Any goroutine may ask.
func (b *Bell) Knocks() uint64 { return b.knocks.Load() }
