package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/proc"
)

// A watchLine is a line of `kith watch --json`.
type watchLine struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"`
	PID     int       `json:"pid,omitempty"`
	Name    string    `json:"name,omitempty"`
	Cgroup  string    `json:"cgroup,omitempty"`
	FIFO    string    `json:"fifo,omitempty"`
	Status  *int      `json:"status,omitempty"`
	Signal  string    `json:"signal,omitempty"`
	Core    *bool     `json:"core,omitempty"`
	Seconds *float64  `json:"seconds,omitempty"`
	Times   *uint64   `json:"times,omitempty"`
	Killed  *uint64   `json:"killed,omitempty"`
	Error   string    `json:"error,omitempty"`
}

// line is what is printed of an event, with its line feed.
func (w *watching) line(s *subject, event proc.Event) []byte {
	now := time.Now()
	if !w.asJSON {
		return fmt.Appendf(nil, "%s %s: %s\n", now.Format(time.TimeOnly), s, says(s, event))
	}
	l := watchLine{Time: now, PID: s.PID(), Name: s.name}
	switch s.kind {
	case "cgroup":
		l.Cgroup = s.Path()
	case "fifo":
		l.FIFO = s.Path()
	}
	l.tell(s, event)
	text, _ := json.Marshal(l) // it has nothing that could not be JSON
	return append(text, '\n')
}

func (l *watchLine) tell(s *subject, event proc.Event) {
	switch event := event.(type) {
	case proc.Exited:
		l.Event = "exit"
		l.exit(s, event.Status)
	case proc.Zombie:
		l.Event = "zombie"
	case proc.HungUp:
		l.Event = "hangup"
	case proc.OutOfMemory:
		l.Event, l.Times, l.Killed = "oom", &event.Times, &event.Killed
	case proc.Removed:
		l.Event = "removed"
	case proc.Populated:
		l.Event = "populated"
	case proc.Emptied:
		l.Event = "empty"
	case proc.Failed:
		l.Event, l.Error = "failed", message(event.Err)
	}
}

func (l *watchLine) exit(s *subject, status proc.Status) {
	if age, known := s.age(); known {
		l.Seconds = new(float64(age/tick) / ticks)
	}
	switch {
	case status.Exited():
		l.Status = new(status.ExitCode())
	case status.Signaled():
		l.Signal, l.Core = signalName(status.Signal()), new(status.CoreDump())
	}
}

// says is an event for people, and how long a process lived.
func says(s *subject, event proc.Event) string {
	switch event := event.(type) {
	case proc.Exited:
		text := ending(event.Status)
		if age, known := s.age(); known {
			text += ", after " + age.String()
		}
		return text
	case proc.Zombie:
		return "a zombie: its parent has not asked for its status yet"
	case proc.HungUp:
		return "no process has it open for writing any more"
	case proc.OutOfMemory:
		return fmt.Sprintf("out of memory (%d times, %d processes killed)", event.Times, event.Killed)
	case proc.Removed:
		return "removed"
	case proc.Populated:
		return "populated"
	case proc.Emptied:
		return "empty"
	case proc.Failed:
		return message(event.Err)
	}
	return printable([]byte(event.String()))
}

func ending(status proc.Status) string {
	switch {
	case status.Exited():
		return fmt.Sprintf("exit status %d", status.ExitCode())
	case status.CoreDump():
		return "killed by " + signalName(status.Signal()) + " (core dumped)"
	case status.Signaled():
		return "killed by " + signalName(status.Signal())
	}
	return "ended, with a status that the kernel does not tell"
}

// signalName is SIGKILL; of a real-time signal SIGRTMIN+1 (signal(7)).
func signalName(s syscall.Signal) string {
	const firstRealTime = 34 // the two below are glibc's own
	name := unix.SignalName(s)
	switch {
	case name != "":
		return name
	case s >= firstRealTime:
		return "SIGRTMIN+" + strconv.Itoa(int(s)-firstRealTime)
	}
	return "signal " + strconv.Itoa(int(s))
}
