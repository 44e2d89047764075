package poll_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/poll"
)

// takes makes pipes until the reading end of one has the number.
func takes(t *testing.T, fd int) (r, w *os.File) {
	t.Helper()
	for range 100 {
		if r, w = pipe(t); number(t, r) == fd {
			return r, w
		}
	}
	t.Fatalf("descriptor %d is not given again", fd)
	return nil, nil
}

// A number that belongs to another file by now is not taken for the one that was
// registered: there is silence, or one word that it was closed.
func TestNumberIsReused(t *testing.T) {
	for _, mode := range []poll.Mode{poll.Level, poll.OneShot} {
		each(t, func(t *testing.T, set *poll.Set) {
			r, _ := pipe(t)
			stale := add(t, set, r, poll.Readable, mode)
			fd := number(t, r)
			close1(t, r)
			again, writer := takes(t, fd)
			write(t, writer, "x")
			closed := poll.Event{Registration: stale, Ready: poll.Closed}
			if got := tries(t, set); len(got) > 1 || len(got) == 1 && got[0] != closed {
				t.Errorf("it tells %v", got)
			}
			if err := stale.Modify(poll.Readable); !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
			fresh := add(t, set, again, poll.Readable, mode)
			if err := stale.Modify(poll.Readable); !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
			stale.Remove() // ends nothing of the other's
			tells(t, set, poll.Event{Registration: fresh, Ready: poll.Readable})
			if set.Len() != 1 {
				t.Error(set.Len())
			}
		})
	}
}

// A number that was closed, and is nobody's: poll and select say so, and the set goes on.
func TestClosedSource(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		gone, _ := pipe(t)
		ready := poll.Event{Registration: add(t, set, r, poll.Readable, poll.Level), Ready: poll.Readable}
		closed := poll.Event{Registration: add(t, set, gone, 0, poll.Level), Ready: poll.Closed}
		close1(t, gone)
		if !strings.HasSuffix(t.Name(), "epoll") {
			events := make([]poll.Event, 2)
			if n, err := set.Wait(soon(t), events); n != 1 || events[0] != closed {
				t.Error(events[:n], err)
			}
		}
		write(t, w, "x")
		tells(t, set, ready)
	})
}

// ghost is a file that was closed here, while a duplicate is open and its number is
// free: an epoll goes on telling of it.
func ghost(t *testing.T, set *poll.Set) (stale *poll.Registration, w *os.File) {
	t.Helper()
	r, w := pipe(t)
	shared(t, r)
	stale = add(t, set, r, poll.Readable, poll.Level)
	close1(t, r)
	return stale, w
}

// What is left of a file that was closed while a duplicate is open is told of once at
// most, and the set does not go round and round.
func TestGhost(t *testing.T) {
	for removed := range 3 {
		each(t, func(t *testing.T, set *poll.Set) {
			r, w := pipe(t)
			ready := poll.Event{Registration: add(t, set, r, poll.Readable, poll.Level), Ready: poll.Readable}
			spent := add(t, set, w, poll.Writable, poll.OneShot)
			tells(t, set, poll.Event{Registration: spent, Ready: poll.Writable})
			var writers []*os.File
			for range removed { // all have the same slot
				stale, writer := ghost(t, set)
				stale.Remove()
				writers = append(writers, writer)
			}
			quiet, _ := pipe(t) // without a duplicate
			gone := add(t, set, quiet, poll.Readable, poll.Level)
			stale, writer := ghost(t, set)
			writers = append(writers, writer)
			close1(t, quiet)
			for _, w := range writers {
				write(t, w, "boo")
			}
			for _, event := range tries(t, set) {
				if event.Ready != poll.Closed || event.Registration != stale && event.Registration != gone {
					t.Errorf("it tells of %v", event)
				}
			}
			waiting := waits(t, set)
			write(t, w, "x")
			waiting.returns(t, ready)
			if err := spent.Modify(poll.Writable); err != nil { // it was not in the fresh epoll
				t.Error(err)
			}
			read(t, r, 1)
			tells(t, set, poll.Event{Registration: spent, Ready: poll.Writable})
		})
	}
}

// The same, where the duplicate is another process's.
func TestGhostElsewhere(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(end *os.File) peer) {
		for _, backend := range poll.Backends() {
			set := only(t, backend)
			r, w := pipe(t)
			p := start(shared(t, r))
			add(t, set, r, poll.Readable, poll.Level)
			close1(t, r)
			write(t, w, "12345678")
			for _, event := range tries(t, set) {
				if event.Ready != poll.Closed {
					t.Errorf("%s tells of %v", backend, event)
				}
			}
			waiting := waits(t, set)
			p.order(t, "read")
			if err := errors.Join(waiting.Parked(), set.Wake()); err != nil {
				t.Error(err)
			}
			waiting.returns(t)
		}
	})
}

// A file that was closed is back under its number, by its duplicate: the kernel has
// it registered, and we do not.
func TestGhostComesBack(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		fd, duplicate := number(t, r), shared(t, r)
		stale := add(t, set, r, poll.Readable, poll.Level)
		close1(t, r)
		if err := unix.Dup3(number(t, duplicate), fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		back := os.NewFile(uintptr(fd), "back")
		fresh := add(t, set, back, poll.Readable, poll.Level)
		write(t, w, "x")
		tells(t, set, poll.Event{Registration: fresh, Ready: poll.Readable})
		stale.Remove()
	})
}

func TestTwice(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		twin := shared(t, r)
		first := add(t, set, r, poll.Readable, poll.Level)
		if _, err := set.Add(r, poll.Readable, poll.Level); !errors.Is(err, poll.ErrRegistered) || !errors.Is(err, unix.EEXIST) {
			t.Error(err)
		}
		second := add(t, set, twin, poll.Readable, poll.Level)
		write(t, w, "x")
		if got := tries(t, set); len(got) != 2 || got[0].Registration == got[1].Registration {
			t.Errorf("it tells %v", got)
		}
		first.Remove()
		tells(t, set, poll.Event{Registration: second, Ready: poll.Readable})
		if err := first.Modify(0); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
}

// Another file is put under the number behind the back of its source: an epoll has
// forgotten the first, and poll and select look at the second.
func TestNumberIsReplaced(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, _ := pipe(t)
		other, w := pipe(t)
		registration := add(t, set, r, poll.Readable, poll.Level)
		if err := unix.Dup3(number(t, other), number(t, r), unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		write(t, w, "x")
		ready := poll.Event{Registration: registration, Ready: poll.Readable}
		if err := registration.Modify(poll.Readable); err == nil {
			tells(t, set, ready)
		} else if !errors.Is(err, unix.ENOENT) || !strings.HasSuffix(t.Name(), "epoll") {
			t.Error(err)
		}
		registration.Remove()
		ready.Registration = add(t, set, r, poll.Readable, poll.Level)
		tells(t, set, ready)
	})
}
