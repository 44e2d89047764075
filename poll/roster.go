package poll

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A roster is what select and poll have in common: the kernel is shown all sources
// at each call. Whoever is to wait takes a copy of them, to look at without a lock;
// whoever changes them meanwhile rings the bell.
type roster struct {
	set   *Set
	probe int // an epoll, which is asked whether a file can be waited for

	// Guarded by the set's mu.
	members []*Registration
	stale   bool // the copy is
	blocked bool // somebody waits in the kernel, with that copy

	// Of whoever has the turn.
	shown []*Registration
	found int                                     // how many the kernel found, the bell among them
	ready func(place int) (got Events, count int) // what it found, and as how many
	seek  func(from, to int) (place int)          // the next where it found something, or to
	now   unix.Timespec                           // a timeout of nothing, which is no allocation
	next  int                                     // with which of the shown to begin, so that none starves
}

func newRoster(s *Set) (roster, error) {
	probe, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return roster{set: s, probe: probe, stale: true}, sys.OpenLimit(err)
}

func (k *roster) close() error { return unix.Close(k.probe) }

func (k *roster) add(r *Registration) error {
	if err := k.pollable(r.fd); err != nil {
		return err
	}
	r.place = len(k.members)
	k.members = append(k.members, r)
	k.changed()
	return nil
}

func (k *roster) modify(*Registration) error {
	k.changed()
	return nil
}

// remove puts the last one into its place.
func (k *roster) remove(r *Registration) {
	last := len(k.members) - 1
	k.members[r.place] = k.members[last]
	k.members[r.place].place = r.place
	k.members[last] = nil
	k.members = k.members[:last]
	k.changed()
}

func (k *roster) disarmed(*Registration) { k.stale = true }

func (k *roster) changed() {
	k.stale = true
	if k.blocked {
		k.set.bell.ring()
	}
}

// refresh returns whether there is a new copy.
func (k *roster) refresh(block bool) bool {
	k.blocked = block
	if !k.stale {
		return false
	}
	k.stale = false
	clear(k.shown)
	k.shown = k.shown[:0]
	for _, r := range k.members {
		if r.armed {
			k.shown = append(k.shown, r)
		}
	}
	return true
}

// ask makes the call, in a thread of its own where it may wait.
func (k *roster) ask(ctx context.Context, block bool, call func(*unix.Timespec) (int, error)) (err error) {
	if block {
		k.found, err = inThread(ctx, call)
		return err
	}
	for {
		k.found, err = call(&k.now)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// gather makes events of what was found, at most so many, beginning where the last
// call ended.
func (k *roster) gather(events []Event, found int) int {
	begin := min(k.next, len(k.shown))
	n, found := k.gatherFrom(events, found, begin, len(k.shown))
	rest, _ := k.gatherFrom(events[n:], found, 0, begin)
	k.blocked = false
	return n + rest
}

// gatherFrom looks at a range of the sources, and returns how many are to be found yet.
func (k *roster) gatherFrom(events []Event, found, from, to int) (n, left int) {
	for found > 0 && n < len(events) {
		place := k.seek(from, to)
		if place == to {
			break
		}
		from = place + 1
		got, count := k.ready(place)
		found -= count
		if got == 0 {
			continue
		}
		if event, is := k.shown[place].event(got); is {
			events[n] = event
			n++
		}
		if n == len(events) {
			k.next = from
		}
	}
	return n, found
}

// pollable asks an epoll, as poll and select call a file always ready that cannot be
// waited for. It is asked to modify what it does not have, and looks first at what
// the file is.
func (k *roster) pollable(fd int) error {
	err := unix.EpollCtl(k.probe, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{})
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EBADF) {
		return err
	}
	return nil
}
