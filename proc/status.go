package proc

import (
	"fmt"
	"syscall"
)

// A Status is how a process ended. The zero Status is not known. Statuses can be compared.
type Status struct {
	wait  syscall.WaitStatus
	known bool
}

// Known is false where the kernel does not tell: before Linux 6.15, of a child that somebody
// has waited for already, and of any other process, unless it is a zombie that this one may
// look into (ptrace(2)); and always of a process in a PID namespace that cannot be seen from here.
func (s Status) Known() bool { return s.known }

// Exited is true for a process that called exit(3), or returned from main.
func (s Status) Exited() bool { return s.known && s.wait.Exited() }

// ExitCode is what it gave to exit(3), 0 to 255; -1 where it did not, or it is not known.
func (s Status) ExitCode() int {
	if !s.Exited() {
		return -1
	}
	return s.wait.ExitStatus()
}

// Success is true for exit code 0.
func (s Status) Success() bool { return s.ExitCode() == 0 }

// Signaled is true for a process that was killed by a signal.
func (s Status) Signaled() bool { return s.known && s.wait.Signaled() }

// Signal is that which killed it; -1 where none did, or it is not known.
func (s Status) Signal() syscall.Signal {
	if !s.Signaled() {
		return -1
	}
	return s.wait.Signal()
}

// CoreDump is true for a process that was killed by a signal and left a core dump.
func (s Status) CoreDump() bool { return s.known && s.wait.CoreDump() }

// String is "exit status 3", "signal: killed", "signal: aborted (core dumped)" or
// "status unknown".
func (s Status) String() string {
	switch {
	case s.Exited():
		return fmt.Sprintf("exit status %d", s.ExitCode())
	case s.CoreDump():
		return fmt.Sprintf("signal: %v (core dumped)", s.Signal())
	case s.Signaled():
		return fmt.Sprintf("signal: %v", s.Signal())
	}
	return "status unknown"
}
