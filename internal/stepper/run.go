//go:build amd64

package stepper

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A Pace is how far a thread goes before it stops.
type Pace int

// The paces.
const (
	Free        Pace = iota // to a mark, or an address given to Break
	BySyscall               // and at the entry and the exit of each system call
	Instruction             // and after each instruction; Go's monitor stands still meanwhile
)

// A Stop is where a thread has stopped.
type Stop struct {
	Marked  bool    // behind runtime.Breakpoint
	Syscall bool    // at the entry or the exit of a system call
	At      uintptr // the instruction that comes next
}

// Run lets all threads run at that pace, until stay reports true of a stop. That thread
// stands still then, and no other is waited for.
func (p *Process) Run(pace Pace, stay func(Stop) bool) error {
	for tid, still := range p.threads {
		if still && (pace != Instruction || tid != p.monitor) {
			if err := p.resume(tid, pace, 0); err != nil {
				return err
			}
		}
	}
	for {
		var status unix.WaitStatus
		tid, err := waitAny(-1, 0, &status)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrEnded, err)
		}
		p.threads[tid] = true
		if status.Exited() || status.Signaled() {
			delete(p.threads, tid)
			continue
		}
		stop, signal, err := p.look(tid, status)
		if err != nil {
			return err
		}
		if signal == 0 && stop != (Stop{}) && stay(stop) {
			return nil
		}
		if err := p.resume(tid, pace, signal); err != nil {
			return err
		}
	}
}

// ToMark lets the process run until one of its threads calls runtime.Breakpoint, and
// stops it.
func (p *Process) ToMark() error {
	if err := p.Run(Free, func(s Stop) bool { p.mark = uint64(s.At); return s.Marked }); err != nil {
		return err
	}
	return p.Halt()
}

// look tells a stop of ours from a signal, which the thread is to have, and from what only
// says that there is a thread more (an empty stop).
func (p *Process) look(tid int, status unix.WaitStatus) (stop Stop, signal int, err error) {
	event := int(status) >> 16
	switch {
	case event != 0:
		return Stop{}, 0, nil
	case status.StopSignal() == unix.SIGTRAP|0x80:
		stop.Syscall = true
	case status.StopSignal() != unix.SIGTRAP:
		return Stop{}, int(status.StopSignal()), nil
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return Stop{}, 0, fmt.Errorf("ptrace: registers: %w", err)
	}
	if p.breaks[regs.Rip-1] {
		regs.Rip--
	}
	stop.At = uintptr(regs.Rip)
	stop.Marked = !stop.Syscall && !p.breaks[regs.Rip] && (p.mark == 0 || p.mark == regs.Rip)
	return stop, 0, nil
}

func (p *Process) resume(tid int, pace Pace, signal int) error {
	p.threads[tid] = false
	var err error
	switch pace {
	case Instruction:
		err = unix.PtraceSingleStep(tid)
	case BySyscall:
		err = unix.PtraceSyscall(tid, signal)
	default:
		err = unix.PtraceCont(tid, signal)
	}
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("ptrace: resume: %w", err)
	}
	return nil
}
