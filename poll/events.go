package poll

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Events is what may be ready at a descriptor, a set of bits.
type Events uint32

// What to wait for, and what came. HangUp and Error come unasked, but for
// Select, which has no words for them. The kernel's bits are those of poll(2) and
// epoll_ctl(2).
const (
	// Readable: a read would not wait. So it is at the end of the file, too.
	Readable Events = unix.POLLIN
	// Writable: a write of one byte would not wait.
	Writable Events = unix.POLLOUT
	// Priority: something exceptional: urgent data of TCP, a change of memory.events.
	Priority Events = unix.POLLPRI
	// PeerClosed: the peer of a stream socket closed it, or ended its writing half.
	// Select cannot tell.
	PeerClosed Events = unix.POLLRDHUP
	// HangUp: the other side is gone: the last writer of a pipe, both halves of a
	// socket. What was sent before can still be read. Select calls it Readable, and
	// tells of it only who asked for that.
	HangUp Events = unix.POLLHUP
	// Error: the source has an error, or the last reader of a pipe is gone. Select
	// calls it Readable, and Writable, and tells only who asked for one of them.
	Error Events = unix.POLLERR
	// Closed: the source was closed in this process, and not removed before. The
	// registration has ended. Nobody is told for sure: the kernel forgets in silence.
	Closed Events = unix.POLLNVAL
)

// wanted are those that may be asked for.
const wanted = Readable | Writable | Priority | PeerClosed

var eventNames = []struct {
	event Events
	name  string
}{
	{Readable, "readable"},
	{Writable, "writable"},
	{Priority, "priority"},
	{PeerClosed, "peer closed"},
	{HangUp, "hang-up"},
	{Error, "error"},
	{Closed, "closed"},
}

// String is "readable|hang-up", or "nothing".
func (e Events) String() string {
	var names []string
	for _, known := range eventNames {
		if e&known.event != 0 {
			names = append(names, known.name)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, "|")
}

// A Mode says how often an event is told. Modes are or-ed together.
type Mode uint32

const (
	// Level tells of what is ready at each Wait, as long as it is.
	Level Mode = 0
	// Edge tells of what has become ready since it was told: read or write until
	// EAGAIN, or the rest is never told. It may be told once too often. Epoll only.
	Edge Mode = unix.EPOLLET & 0xffffffff
	// OneShot tells once, and then no more until Modify.
	OneShot Mode = unix.EPOLLONESHOT
	// Exclusive wakes one, or some, of several sets that wait for the same source,
	// not all of them. It goes with Edge, and with Readable and Writable; such a
	// registration cannot be modified. From the first one on, the set holds a thread
	// while it waits: in Go's poller all would be woken. Epoll only.
	Exclusive Mode = unix.EPOLLEXCLUSIVE
)

// An Event is what Wait found.
type Event struct {
	// Registration is what Add returned.
	Registration *Registration
	// Ready is what has come.
	Ready Events
}
