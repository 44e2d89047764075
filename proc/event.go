package proc

import "fmt"

// An Event is what happened to a watch: [Exited], [Zombie], [HungUp], [OutOfMemory],
// [Populated], [Emptied], [Removed] or [Failed], by value. There are no others.
type Event interface {
	// Watch is what the method that began it has returned. An event can come before
	// that method returns.
	Watch() *Watch
	// Last is true for the event that ends its watch: Exited, HungUp, Removed, Failed.
	// The watch holds no descriptor any more.
	Last() bool
	// String is a line for people: "process 4711: exit status 3".
	String() string

	event()
}

// Exited is the end of a process, of all its threads. It is the last event.
type Exited struct {
	origin
	// Status is how it ended, if that can be known: see Status.Known.
	Status Status
}

// Zombie is a process that has ended, and whose status nobody but its parent may know
// until the parent has waited for it: Exited comes with the status then. It is told of
// processes that this one may not look into (ptrace(2)), as those of other users, from Linux 6.15
// on. Before that, Exited comes at once without a status.
type Zombie struct{ origin }

// HungUp is the end of an exit FIFO: it was open for writing, and is so no more. It is
// the last event.
type HungUp struct{ origin }

// OutOfMemory is a control group that found no memory. On version 1, it comes before a
// process is killed. On version 2, Times may come up to 10 ms before Killed, in an event
// of its own.
type OutOfMemory struct {
	origin
	// Times is how often, since the last event, the group was at its limit with nothing to
	// free (on version 1: it, or a group above it). For one kill, that can be more than once.
	Times uint64
	// Killed is how many processes of the group (on version 2: and of those below it) the
	// kernel has killed for it since the last event. On version 1, it may not have done so yet.
	Killed uint64
}

// Populated is a control group (or one below it) that got its first process. Version 2 only.
type Populated struct{ origin }

// Emptied is a control group whose last process has ended, or moved away, and that of those
// below it. Version 2 only.
type Emptied struct{ origin }

// Removed is a control group that was removed. It is the last event.
type Removed struct{ origin }

// Failed is a watch that can see no more. It is the last event.
type Failed struct {
	origin
	// Err is why.
	Err error
}

// origin is what all events have in common.
type origin struct{ watch *Watch }

func (o origin) Watch() *Watch { return o.watch }
func (origin) Last() bool      { return false }
func (origin) event()          {}

// Last is true.
func (Exited) Last() bool { return true }

// Last is true.
func (HungUp) Last() bool { return true }

// Last is true.
func (Removed) Last() bool { return true }

// Last is true.
func (Failed) Last() bool { return true }

func (e Exited) String() string    { return e.line(e.Status) }
func (e Zombie) String() string    { return e.line("ended, nobody has waited for it") }
func (e HungUp) String() string    { return e.line("hung up") }
func (e Populated) String() string { return e.line("populated") }
func (e Emptied) String() string   { return e.line("empty") }
func (e Removed) String() string   { return e.line("removed") }
func (e Failed) String() string    { return e.line(e.Err) }

func (e OutOfMemory) String() string {
	return e.line(fmt.Sprintf("out of memory: %d times, %d killed", e.Times, e.Killed))
}

func (o origin) line(what any) string { return fmt.Sprintf("%v: %v", o.watch, what) }
