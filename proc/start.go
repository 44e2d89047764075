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
	file, err := start(cmd)
	if err != nil {
		return nil, err
	}
	watch, err := w.process(file, cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	return watch, err
}

// start returns a pidfd of the child. The caller may have asked for one of his own.
func start(cmd *exec.Cmd) (*os.File, error) {
	pidfd, theirs := -1, cmd.SysProcAttr
	attr := syscall.SysProcAttr{}
	if theirs != nil {
		attr = *theirs
	}
	own := attr.PidFD == nil
	if own {
		attr.PidFD = &pidfd
	}
	cmd.SysProcAttr = &attr
	err := cmd.Start()
	cmd.SysProcAttr = theirs
	switch {
	case err != nil:
		return nil, sys.OpenLimit(err)
	case own && pidfd >= 0:
		return pidfdFile(pidfd), nil
	}
	return openPidfd(cmd.Process.Pid) // its own: nobody has waited for it yet
}
