package cli

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// A child is a command that runs in kith's place: with its standard streams, its
// process group and its signals.
type child struct {
	*exec.Cmd
	signals chan os.Signal
}

// passing are the signals that the child gets from us. Not among them are those that
// stop and continue a process: they mean us, too, and a terminal sends them to both.
var passing = append([]os.Signal{syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH}, stopping...)

// newChild prepares a command; a problem with it is in Err. From here on no signal
// that is to end kith is lost: it interrupts kith's context, or reaches the child.
func newChild(command []string) *child {
	c := &child{Cmd: exec.Command(command[0], command[1:]...), signals: make(chan os.Signal, 64)}
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	_, c.Err = exec.LookPath(command[0])
	hear(c.signals, stopping)
	return c
}

// run returns when the child has ended: nil, or its status.
func (c *child) run() error {
	hear(c.signals, passing)
	if err := c.interrupted(); err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return cannotRun(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case s := <-c.signals:
			c.pass(s)
		case err := <-ended:
			return c.status(err)
		}
	}
}

// become makes kith itself the command, and returns only where it cannot. What was
// taken with sem.Undo stays with the process, and its end gives it back (execve(2),
// semop(2)).
func (c *child) become() error {
	if err := c.interrupted(); err != nil {
		return err
	}
	return cannotRun(&os.PathError{Op: "run", Path: c.Path, Err: unix.Exec(c.Path, c.Args, os.Environ())})
}

// interrupted is the signal that came before there was a child to have it.
func (c *child) interrupted() error {
	select {
	case s := <-c.signals:
		return interrupted(s.(syscall.Signal))
	default:
		return nil
	}
}

// pass gives the child a signal that it does not have yet. It may have ended.
func (c *child) pass(s os.Signal) {
	switch s {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGWINCH:
		if c.inForeground() {
			return // the terminal sent it to both
		}
	}
	_ = c.Process.Signal(s)
}

// inForeground: what is typed at our terminal interrupts us and the child.
func (c *child) inForeground() bool {
	terminal, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(terminal)
	foreground, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	group, gone := unix.Getpgid(c.Process.Pid)
	return err == nil && gone == nil && foreground == unix.Getpgrp() && foreground == group
}

func (c *child) status(err error) error {
	exit, found := errors.AsType[*exec.ExitError](err)
	if !found {
		return err
	}
	status := exit.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return statusError{status: exitSignal + int(status.Signal())}
	}
	return statusError{status: status.ExitStatus()}
}
