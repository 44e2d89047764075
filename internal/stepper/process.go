//go:build amd64

package stepper

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// A Process is one whose threads are all attached, those to come as well.
type Process struct {
	pid     int
	threads map[int]bool // true: it stands still
	breaks  map[uint64]bool
	mark    uint64 // where a thread stands after runtime.Breakpoint
	monitor int    // Go's own thread, which looks again and again whether there is work
}

// SeizeAll attaches to all threads of a process that is our child.
func SeizeAll(pid int) (*Process, error) {
	runtime.LockOSThread()
	p := &Process{pid: pid, threads: map[int]bool{}, breaks: map[uint64]bool{}}
	for {
		fresh, err := p.seizeFresh()
		if err != nil {
			return nil, errors.Join(err, p.Kill())
		}
		if !fresh {
			return p, nil
		}
	}
}

// seizeFresh attaches to the threads that it did not know, which one that was not yet
// attached may have made meanwhile.
func (p *Process) seizeFresh() (fresh bool, err error) {
	tids, err := threads(p.pid)
	if err != nil {
		return false, err
	}
	if len(tids) > 1 {
		p.monitor = tids[1] // the first that a Go program makes
	}
	for _, tid := range tids {
		if _, known := p.threads[tid]; known {
			continue
		}
		if err := seize(tid, options|unix.PTRACE_O_TRACECLONE); err != nil && !errors.Is(err, unix.ESRCH) {
			return false, err
		}
		p.threads[tid], fresh = true, true
	}
	return fresh, nil
}

// Break makes every thread stop before the instruction at an address. The process
// stands still.
func (p *Process) Break(at uintptr) error {
	p.breaks[uint64(at)] = true
	_, err := unix.PtracePokeText(p.pid, at, []byte{0xcc}) // INT3
	return err
}

// Halt stops all threads that run.
func (p *Process) Halt() error {
	for tid, still := range p.threads {
		if still {
			continue
		}
		if err := unix.PtraceInterrupt(tid); errors.Is(err, unix.ESRCH) {
			delete(p.threads, tid)
			continue
		} else if err != nil {
			return fmt.Errorf("ptrace: interrupt: %w", err)
		}
		status, err := wait(tid, 0)
		if err != nil {
			return err
		}
		p.threads[tid] = true
		if status.Exited() || status.Signaled() {
			delete(p.threads, tid)
		}
	}
	return nil
}

// Kill kills the process: no thread executes another instruction. Where it returns, all
// threads but the first are dead, and that is left to whoever started the process.
func (p *Process) Kill() error {
	defer runtime.UnlockOSThread()
	if err := unix.Kill(p.pid, unix.SIGKILL); err != nil {
		return err
	}
	return bury(p.pid)
}
