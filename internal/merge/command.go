package merge

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// A command is a process and those that it starts: a process group. It is reaped when
// all its output has ended. Until then its number cannot be another's, and a signal
// reaches nobody else.
type command struct {
	m       *Merge
	name    string
	cmd     *exec.Cmd
	streams int // that have not ended
	running bool
	state   *os.ProcessState // nil: it was not started, or not reaped
}

// AddCommand starts a command of the shell. Its standard error is taken in as well,
// and written to Stderr. Its standard input is empty.
func (m *Merge) AddCommand(name, text string) {
	c := &command{m: m, name: name, cmd: exec.Command("/bin/sh", "-c", text)}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, outs, err := newPipe()
	if err != nil {
		m.fail(name, err)
		return
	}
	defer outs.Close()
	errors, errs, err := newPipe()
	if err != nil {
		_ = out.conn.Close()
		m.fail(name, err)
		return
	}
	defer errs.Close()
	c.cmd.Stdout, c.cmd.Stderr = outs, errs
	c.start(out, errors)
}

func newPipe() (ours *descriptor, theirs *os.File, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, sys.OpenLimit(err)
	}
	return newFile(ends[0]), os.NewFile(uintptr(ends[1]), "pipe"), nil
}

func (c *command) start(out, errors *descriptor) {
	if err := c.cmd.Start(); err != nil {
		_, _ = out.conn.Close(), errors.conn.Close()
		c.m.fail(c.name, err)
		return
	}
	c.running, c.streams = true, 2
	c.m.live++
	c.m.commands = append(c.m.commands, c)
	c.read(out, c.m.out, c.m.Format)
	c.read(errors, c.m.err, c.m.ErrFormat)
}

func (c *command) read(from *descriptor, to *output, format Format) {
	s := c.m.newStream(c.name, to, format)
	s.command = c
	s.attach(from)
}

// streamEnded waits for the process after the last one, while others are read.
func (c *command) streamEnded() {
	if c.streams--; c.streams > 0 {
		return
	}
	go func() {
		_ = sys.Again(func() error {
			return unix.Waitid(unix.P_PID, c.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		})
		c.m.later(c.reap)
	}()
}

func (c *command) reap() {
	err := c.cmd.Wait()
	c.running, c.state = false, c.cmd.ProcessState
	c.m.live--
	if err != nil && !c.m.stopped {
		c.m.say(c.name, err)
	}
}

// signal reaches those that were stopped, too.
func (c *command) signal(signal unix.Signal) {
	if c.running {
		_ = unix.Kill(-c.cmd.Process.Pid, signal)
		_ = unix.Kill(-c.cmd.Process.Pid, unix.SIGCONT)
	}
}
