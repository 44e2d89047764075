package proc

import (
	"os"
	"os/exec"
	"syscall"

	"kith/internal/sys"
)

// Start starts a command, as its own Start does, and watches it from its first moment:
// the kernel gives the pidfd with the child (CLONE_PIDFD). Call cmd.Wait as always,
// before or after the event, in any goroutine: both get the status (but see Status.Known for
// a Wait before the event, and Linux before 6.15).
//
// Errors: those of cmd.Start, and of Process. Where the child started and cannot be watched
// after all, it is killed and waited for.
func (w *Watcher) Start(cmd *exec.Cmd) (*Watch, error) {
	pidfd, theirs := -1, cmd.SysProcAttr
	attr := syscall.SysProcAttr{}
	if theirs != nil {
		attr = *theirs
	}
	own := attr.PidFD == nil // else the caller has asked for one
	if own {
		attr.PidFD = &pidfd
	}
	cmd.SysProcAttr = &attr
	err := cmd.Start()
	cmd.SysProcAttr = theirs
	if err != nil {
		return nil, sys.OpenLimit(err)
	}
	watch, err := w.started(cmd.Process.Pid, *attr.PidFD, own)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	return watch, err
}

func (w *Watcher) started(pid, pidfd int, own bool) (*Watch, error) {
	switch {
	case pidfd < 0: // before Linux 5.2
		return w.Process(pid)
	case own:
		return w.process(pidfdFile(pidfd), pid)
	}
	file, err := duplicateFD(pidfd)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return w.process(file, pid)
}
