//go:build amd64

package stepper

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// options are what every thread is attached with.
const options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD

// A Thread is one thread of another process.
type Thread struct {
	pid, tid int
	regs     unix.PtraceRegs
	mark     uint64 // where it stands after runtime.Breakpoint
	asleep   bool
	marked   bool  // again
	held     []int // the other threads of the process
}

// Seize attaches to a thread of a process that is our child.
func Seize(pid, tid int) (*Thread, error) {
	runtime.LockOSThread()
	if err := seize(tid, options); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return &Thread{pid: pid, tid: tid}, unix.PtraceCont(tid, 0)
}

// seize attaches to a thread, and stops it.
func seize(tid, options int) error {
	if err := unix.PtraceSeize(tid); err != nil {
		return fmt.Errorf("ptrace: seize %d: %w", tid, err)
	}
	if err := unix.PtraceInterrupt(tid); err != nil {
		return fmt.Errorf("ptrace: interrupt %d: %w", tid, err)
	}
	if _, err := wait(tid, 0); err != nil {
		return err
	}
	return unix.PtraceSetOptions(tid, options)
}

// ToMark lets the thread run until it calls runtime.Breakpoint. From then on, all
// other threads of the process stand still.
func (t *Thread) ToMark() error {
	if err := t.untilMark(); err != nil {
		return err
	}
	if err := unix.PtraceGetRegs(t.tid, &t.regs); err != nil {
		return err
	}
	t.mark = t.regs.Rip
	return t.hold()
}

// untilMark waits for a mark, and lets the thread have the signals that come first.
func (t *Thread) untilMark() error {
	for {
		status, err := wait(t.tid, 0)
		if err != nil {
			return err
		}
		if status.Exited() || status.Signaled() {
			return ErrEnded
		}
		if status.StopSignal() == unix.SIGTRAP {
			return nil
		}
		if err := unix.PtraceCont(t.tid, int(status.StopSignal())); err != nil {
			return err
		}
	}
}

// At is the address of the instruction that comes next. In a process that runs the
// same program as ours, runtime.FuncForPC says whose it is.
func (t *Thread) At() uintptr { return uintptr(t.regs.Rip) }

// Kill kills the process: no instruction of the thread comes after the last Step.
// Where it returns, the thread is dead.
func (t *Thread) Kill() error {
	defer runtime.UnlockOSThread()
	if err := unix.Kill(t.pid, unix.SIGKILL); err != nil {
		return err
	}
	return bury(t.pid)
}

// Finish lets the process run on until the thread calls runtime.Breakpoint again, unless
// it has, and then on its own.
func (t *Thread) Finish() error {
	defer runtime.UnlockOSThread()
	err := t.release()
	if err == nil && t.asleep {
		_, err = t.Step()
	}
	if err == nil && !t.marked {
		err = errors.Join(unix.PtraceCont(t.tid, 0), t.untilMark())
	}
	return errors.Join(err, unix.PtraceDetach(t.tid))
}

// wait waits for a change of one thread of ours, or with -1 of any that this very
// thread has attached. A status of 0 says that there was none (WNOHANG).
func wait(tid, flags int) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	_, err := waitAny(tid, flags, &status)
	return status, err
}

func waitAny(tid, flags int, status *unix.WaitStatus) (changed int, err error) {
	for {
		changed, err = unix.Wait4(tid, status, flags|unix.WALL|unix.WNOTHREAD, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("wait4 %d: %w", tid, err)
	}
	return changed, nil
}
