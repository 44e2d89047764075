package wait

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/sock"
)

// A lane is one wait of a connection, both ends in this process: a waiter that
// never spins, and the bell that wakes it.
type lane struct {
	waiter       Waiter
	bell         Bell
	gate         *Gate
	want, word   atomic.Uint64
	near, far    *Door // the waiter's, the bell's
	socket, peer *os.File
}

func newLane(t *testing.T) *lane {
	t.Helper()
	l := &lane{gate: NewGate()}
	var err error
	if l.socket, l.peer, err = sock.Pair(sock.Packet); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.CloseAll([]*os.File{l.socket, l.peer}) })
	near, err1 := NewDoor(l.socket)
	far, err2 := NewDoor(l.peer)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	l.near, l.far = near, far
	l.waiter, l.bell = NewWaiter(&l.want, near, l.gate), NewBell(&l.want, far)
	l.waiter.spinner.skip = math.MaxInt
	return l
}

func (l *lane) wait(ctx context.Context) *kithtest.Call {
	return kithtest.Go(func() error { return l.waiter.Wait(ctx, &l.word, 0) })
}

// parked is a wait that is known to park.
func (l *lane) parked(t *testing.T, ctx context.Context) *kithtest.Call {
	t.Helper()
	call := l.wait(ctx)
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	return call
}

func woken(t *testing.T, call *kithtest.Call) error {
	t.Helper()
	select {
	case <-call.Done():
		return call.Wait()
	case <-time.After(*bound):
		t.Fatal("the waiter sleeps on")
		return nil
	}
}

// A notifier that is late with its look answers an announcement whose waiter
// then waits for more. The waiter must not sleep on it again: it counts as
// answered, and the next record would wake nobody.
func TestLateAnswer(t *testing.T) {
	l := newLane(t)
	call := l.parked(t, t.Context())
	first := l.want.Load()
	l.bell.Ring() // for something that the waiter has long seen
	deadline := time.Now().Add(*bound)
	for want := first; want == first || want&modes != asked; want = l.want.Load() {
		if time.Now().After(deadline) {
			t.Fatalf("woken in vain, it sleeps on the announcement %#x again", first)
		}
		runtime.Gosched()
	}
	l.word.Store(1)
	l.bell.Ring()
	if err := woken(t, call); err != nil {
		t.Error(err)
	}
}

// An old knock, which nobody waits for any more, wakes the next wait in vain.
func TestOldKnock(t *testing.T) {
	l := newLane(t)
	l.far.Knock()
	l.far.Knock()
	call := l.parked(t, t.Context())
	l.word.Store(1)
	l.bell.Ring()
	if err := woken(t, call); err != nil {
		t.Error(err)
	}
}

// One announcement gets one knock, however much is published meanwhile; no
// announcement gets none.
func TestBellKnocksOnce(t *testing.T) {
	l := newLane(t)
	for want, knocks := range map[uint64]int{
		0: 0, 7 << number: 0, 8<<number | asked: 1, 9<<number | closed: 0,
		1<<number | fencing: 0, 2<<number | fencing | asked: 1, 3<<number | fencing | closed: 0,
	} {
		l.want.Store(want)
		for range 3 {
			if open := l.bell.Ring(); open != (want&modes != closed) {
				t.Errorf("at %#x Ring says open: %v", want, open)
			}
		}
		got := 0
		for {
			n, err := receiveNow(l.socket)
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if n != 1 || err != nil {
				t.Fatal(n, err)
			}
			got++
		}
		if got != knocks {
			t.Errorf("at %#x there were %d knocks, want %d", want, got, knocks)
		}
	}
}

func receiveNow(file *os.File) (n int, err error) {
	err = sys.Control(file, func(fd int) (err error) { n, err = sys.ReceiveNow(fd, make([]byte, 16)); return err })
	return n, err
}

func TestWaitEnds(t *testing.T) {
	mine := errors.New("my cause")
	for name, test := range map[string]struct {
		do   func(l *lane, cancel context.CancelCauseFunc)
		want error
	}{
		"context": {func(_ *lane, cancel context.CancelCauseFunc) { cancel(mine) }, mine},
		"hang up": {func(l *lane, _ context.CancelCauseFunc) { _ = l.peer.Close() }, ErrHangUp},
		"shut":    {func(l *lane, _ context.CancelCauseFunc) { l.gate.Shut(); l.near.Interrupt() }, ErrShut},
		"word":    {func(l *lane, _ context.CancelCauseFunc) { l.word.Store(1); l.bell.Ring() }, nil},
		"all of a": {func(l *lane, cancel context.CancelCauseFunc) {
			l.word.Store(1)
			l.gate.Shut()
			_ = l.peer.Close()
			cancel(mine)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLane(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			call := l.parked(t, ctx)
			test.do(l, cancel)
			if err := woken(t, call); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if l.want.Load()&modes != 0 {
				t.Errorf("the announcement %#x was not withdrawn", l.want.Load())
			}
			if test.want == nil {
				return
			}
			if err := woken(t, l.wait(ctx)); !errors.Is(err, test.want) {
				t.Errorf("a second wait: %v, want %v", err, test.want)
			}
			l.word.Store(1) // what has changed is no error, whatever else has happened
			if err := woken(t, l.wait(ctx)); err != nil {
				t.Errorf("after a change: %v", err)
			}
		})
	}
}

// After one context has ended, a wait with another is as good as the first.
func TestWaitAgain(t *testing.T) {
	l := newLane(t)
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		call := l.wait(ctx)
		cancel()
		if err := woken(t, call); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		call = l.wait(t.Context())
		for l.want.Load()&modes != asked {
			runtime.Gosched()
		}
		l.word.Store(1)
		l.bell.Ring()
		if err := woken(t, call); err != nil {
			t.Fatal(err)
		}
		l.word.Store(0)
	}
}

func TestWaiterClose(t *testing.T) {
	l := newLane(t)
	l.waiter.Close()
	if l.bell.Ring() {
		t.Error("the bell does not see that nobody waits here again")
	}
}

// Knocks beyond what the socket holds are dropped, and hold nobody up.
func TestDoorFullOfKnocks(t *testing.T) {
	l := newLane(t)
	for range 5000 {
		l.far.Knock()
	}
	call := l.wait(t.Context())
	for l.want.Load()>>number < 2 { // it takes the old ones, one by one
		runtime.Gosched()
	}
	l.word.Store(1)
	l.bell.Ring()
	if err := woken(t, call); err != nil {
		t.Error(err)
	}
}

func TestDoorAfterHangUp(t *testing.T) {
	l := newLane(t)
	if err := l.far.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := l.near.Await(t.Context()); !errors.Is(err, ErrHangUp) {
			t.Errorf("%v, want that the peer hung up", err)
		}
	}
	l.near.Knock()
	if err := l.near.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.socket.Read(nil); !errors.Is(err, os.ErrClosed) && !errors.Is(err, io.EOF) {
		t.Errorf("the socket is still open: %v", err)
	}
}

// A waiter that parks asks the peer for fences from then on, until a wait of its ends
// without a park.
func TestFencesAreAskedFor(t *testing.T) {
	l := newLane(t)
	for n := range 3 {
		if got := l.want.Load() & fencing; got != 0 {
			t.Fatalf("round %d: it asks for fences, %#x", n, l.want.Load())
		}
		for range 2 {
			parkAndWake(t, l)
			if l.want.Load()&fencing == 0 {
				t.Fatalf("round %d: it parks, and asks for no fences, %#x", n, l.want.Load())
			}
		}
		l.waiter.spinner = Spinner{score: full}
		if err := l.waiter.Wait(t.Context(), &l.word, 0); err != nil { // the word is 1
			t.Fatal(err)
		}
	}
}
