package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// farewell is how long a process has to end when it is told to.
const farewell = 5 * time.Second

// A process is one that this one has started, and talks with by lines.
type process struct {
	cmd   *exec.Cmd
	stop  syscall.Signal // what ends it in order, beside the end of its input; 0 for nothing
	in    io.WriteCloser
	lines chan string  // what it says, until its end
	said  bytes.Buffer // on standard error; to be read after the end
}

// startProcess starts it in a group of its own: Ctrl-C on the terminal reaches only
// this process, which ends it in order. If this process is killed, so is that one.
func startProcess(cmd *exec.Cmd, stop syscall.Signal) (*process, error) {
	p := &process{cmd: cmd, stop: stop, lines: make(chan string)}
	cmd.Stderr = &p.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: cmp.Or(stop, syscall.SIGKILL)}
	cmd.WaitDelay = farewell
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	started := make(chan error)
	starters <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	go func() {
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			p.lines <- scanner.Text()
		}
		close(p.lines)
	}()
	return p, nil
}

// starters are called by a thread that stays: a process is told of the death of the
// thread that started it.
var starters = make(chan func())

func init() {
	go func() {
		runtime.LockOSThread()
		for start := range starters {
			start()
		}
	}()
}

// hear returns the next line, which begins with a word, without that word.
func (p *process) hear(ctx context.Context, word string) (string, error) {
	select {
	case line, more := <-p.lines:
		if !more {
			return "", errEnded
		}
		rest, found := strings.CutPrefix(line, word)
		if !found {
			return "", fmt.Errorf("%q instead of %q", line, word)
		}
		return strings.TrimSpace(rest), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

var errEnded = errors.New("a worker ended")

// end waits until the process has ended, by itself, as its input has; else it is killed.
func (p *process) end() {
	_ = p.in.Close()
	if p.stop != 0 {
		_ = p.cmd.Process.Signal(p.stop)
	}
	late := time.AfterFunc(farewell, p.kill)
	defer late.Stop()
	for range p.lines {
	}
	_ = p.cmd.Wait() // how it ended, its words have told
}

// await reads on until it says what contains the words.
func (p *process) await(ctx context.Context, words string) error {
	for {
		line, err := p.hear(ctx, "")
		if err != nil || strings.Contains(line, words) {
			return err
		}
	}
}

func (p *process) kill() { _ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL) }

// withWords adds to err what a process that has ended said on standard error.
func (p *process) withWords(err error) error {
	words := strings.Join(strings.Fields(p.said.String()), " ")
	switch {
	case words == "":
		return err
	case errors.Is(err, errEnded):
		return errors.New(words)
	}
	return fmt.Errorf("%w; %s", err, words)
}
