//go:build amd64

package stepper

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A State is what became of a step.
type State int

// The states.
const (
	Ran    State = iota // the instruction was executed
	Asleep              // it is a system call, in which the thread sleeps
	Marked              // it was runtime.Breakpoint: what is stepped has ended
)

// ErrEnded is a process that ended by itself.
var ErrEnded = errors.New("the process has ended")

// Step lets the thread execute one instruction. Where that is a system call in which
// it goes to sleep, Step says so, and the next Step waits for the call's return:
// something has to wake it meanwhile.
func (t *Thread) Step() (State, error) {
	if !t.asleep {
		calls, err := t.callsKernel()
		if err != nil {
			return Ran, err
		}
		if err := unix.PtraceSingleStep(t.tid); err != nil {
			return Ran, fmt.Errorf("ptrace: step: %w", err)
		}
		if calls {
			if done, err := t.settle(); err != nil || !done {
				t.asleep = true
				return Asleep, errors.Join(err, t.release())
			}
			return t.arrived()
		}
	}
	t.asleep = false
	if err := t.stepped(0); err != nil {
		return Ran, err
	}
	return t.arrived()
}

func (t *Thread) arrived() (State, error) {
	if err := unix.PtraceGetRegs(t.tid, &t.regs); err != nil {
		return Ran, fmt.Errorf("ptrace: registers: %w", err)
	}
	if t.marked = t.regs.Rip == t.mark; t.marked {
		return Marked, nil
	}
	return Ran, nil
}

var syscallInstruction = []byte{0x0f, 0x05}

func (t *Thread) callsKernel() (bool, error) {
	var code [2]byte
	if _, err := unix.PtracePeekText(t.tid, uintptr(t.regs.Rip), code[:]); err != nil {
		return false, fmt.Errorf("ptrace: code at %#x: %w", t.regs.Rip, err)
	}
	return bytes.Equal(code[:], syscallInstruction), nil
}

// settle waits until the thread has done its step, or sleeps in it.
func (t *Thread) settle() (done bool, err error) {
	for {
		err := t.stepped(unix.WNOHANG)
		if !errors.Is(err, errRuns) {
			return err == nil, err
		}
		if asleep, err := sleeps(t.pid, t.tid); err != nil || asleep {
			return false, err
		}
	}
}

var errRuns = errors.New("the thread runs")

// stepped waits for the trap that ends a step. A signal that comes first is dropped.
func (t *Thread) stepped(flags int) error {
	for {
		status, err := wait(t.tid, flags)
		switch {
		case err != nil:
			return err
		case status == 0 && flags != 0:
			return errRuns
		case status.Exited() || status.Signaled():
			return ErrEnded
		case status.StopSignal() == unix.SIGTRAP:
			return nil
		}
		if err := unix.PtraceSingleStep(t.tid); err != nil {
			return fmt.Errorf("ptrace: step: %w", err)
		}
	}
}
