package cli

import (
	"fmt"
	"iter"
	"time"

	"golang.org/x/sys/unix"

	"kith/proc"
)

// A subject is what lines tell of something that is watched.
type subject struct {
	*proc.Watch
	kind    string // "cgroup" or "fifo"; "": a process
	name    string // of a process; a command's words
	start   uint64 // of a process, in ticks since boot; 0 is not known
	command *child // nil: kith has not started it
	outcome error  // of a command: its status, for kith's
	ended   bool
}

func (w *watching) add(watch *proc.Watch, s *subject) {
	s.Watch = watch
	w.subjects = append(w.subjects, s)
	w.of[watch] = s
}

func (s *subject) String() string {
	if s.name == "" {
		return printable([]byte(s.Watch.String()))
	}
	return fmt.Sprintf("process %d (%s)", s.PID(), printable([]byte(s.name)))
}

// tick is the unit of a process's start: the kernel's USER_HZ is 100 (time(7)) on
// every machine that Go knows.
const (
	ticks = 100 // a second
	tick  = time.Second / ticks
)

// age is how long ago the process was started.
func (s *subject) age() (age time.Duration, known bool) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil || s.start == 0 {
		return 0, false
	}
	return max(0, time.Duration(now.Nano())-time.Duration(s.start)*tick).Truncate(tick), true
}

// unended are those that still go on, in the order in which they were named.
func (w *watching) unended() iter.Seq[*subject] {
	return func(yield func(*subject) bool) {
		for _, s := range w.subjects {
			if !s.ended && !yield(s) {
				return
			}
		}
	}
}
