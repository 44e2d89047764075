package poll_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/poll"
)

func TestLevel(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		ready := poll.Event{Registration: add(t, set, r, poll.Readable, poll.Level), Ready: poll.Readable}
		write(t, w, "ab")
		tells(t, set, ready)
		read(t, r, 1)
		tells(t, set, ready)
		read(t, r, 1)
		tells(t, set)
	})
}

// An edge is told once, and again for what is new. What was left is never told.
func TestEdge(t *testing.T) {
	set := only(t, poll.Epoll)
	r, w := pipe(t)
	write(t, w, "a")
	registration := add(t, set, r, poll.Readable, poll.Edge)
	ready := poll.Event{Registration: registration, Ready: poll.Readable}
	tells(t, set, ready) // that it was so before Add is news
	tells(t, set)
	waiting := waits(t, set)
	write(t, w, "b")
	waiting.returns(t, ready)
	read(t, r, 1)
	tells(t, set)
	if err := registration.Modify(poll.Readable); err != nil {
		t.Fatal(err)
	}
	tells(t, set, ready)
	tells(t, set)
	read(t, r, 1)
	write(t, w, "c")
	read(t, r, 1)
	tells(t, set) // it was so for a while
}

func TestOneShot(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		registration := add(t, set, r, poll.Readable, poll.OneShot)
		ready := poll.Event{Registration: registration, Ready: poll.Readable}
		waiting := waits(t, set)
		write(t, w, "a")
		waiting.returns(t, ready)
		tells(t, set)
		write(t, w, "b")
		waiting = waits(t, set)
		if err := registration.Modify(poll.Readable); err != nil { // of what is ready already
			t.Fatal(err)
		}
		waiting.returns(t, ready)
		tells(t, set)
		registration.Remove()
		if err := registration.Modify(poll.Readable); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
		tells(t, set)
	})
}

func TestModify(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		mine, theirs := pair(t, unix.SOCK_STREAM)
		registration := add(t, set, mine, 0, poll.Level)
		waiting := waits(t, set)
		if err := registration.Modify(poll.Writable); err != nil {
			t.Fatal(err)
		}
		waiting.returns(t, poll.Event{Registration: registration, Ready: poll.Writable})
		if err := registration.Modify(poll.Readable); err != nil {
			t.Fatal(err)
		}
		tells(t, set)
		waiting = waits(t, set)
		write(t, theirs, "x")
		waiting.returns(t, poll.Event{Registration: registration, Ready: poll.Readable})
		if err := registration.Modify(poll.HangUp); !errors.Is(err, unix.EINVAL) {
			t.Error(err)
		}
		tells(t, set, poll.Event{Registration: registration, Ready: poll.Readable}) // as it was
	})
}

// Who waits hears of what is added, and not of what is removed.
func TestAddAndRemoveUnderWaiters(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r1, w1 := pipe(t)
		r2, w2 := pipe(t)
		first := add(t, set, r1, poll.Readable, poll.Level)
		waiting := waits(t, set)
		first.Remove()
		first.Remove()
		write(t, w1, "x")
		if err := waiting.Parked(); err != nil {
			t.Fatalf("what was removed woke: %v, %v", err, waiting.events)
		}
		second := add(t, set, r2, poll.Readable, poll.Level)
		if set.Len() != 1 {
			t.Error(set.Len())
		}
		write(t, w2, "x")
		waiting.returns(t, poll.Event{Registration: second, Ready: poll.Readable})
		again := add(t, set, r1, poll.Readable, poll.Level)
		if first == again || again.Source() != any(r1) {
			t.Error("a registration came back")
		}
		if got := tries(t, set); len(got) != 2 {
			t.Errorf("%v", got)
		}
	})
}
