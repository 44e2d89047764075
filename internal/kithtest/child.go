package kithtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A Child is another process: this test binary, run again, or a program that is
// not ours. It is killed when the test ends, if it still runs, and what it said
// is logged when the test fails. Its methods may be called from several
// goroutines.
type Child struct {
	// Cmd is for those who start it in a way of their own, as kith.Start does.
	Cmd *exec.Cmd

	t     testing.TB
	stdin io.WriteCloser
	heard chan string
	log   transcript
	ended chan struct{} // its stdout is closed
	wait  func() error

	killed atomic.Bool
}

// Command prepares a child that will run the Func registered as name. Start
// starts it.
func Command(t testing.TB, name string, args ...string) *Child {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), picker+"="+name, "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	return Peer(t, cmd)
}

// Peer prepares a program of any kind: it talks by lines on its standard output
// and input. Start starts it.
func Peer(t testing.TB, cmd *exec.Cmd) *Child {
	t.Helper()
	c := &Child{Cmd: cmd, t: t, heard: make(chan string, 64)}
	c.Cmd.Stderr = &c.log
	stdin, err := c.Cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.Cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdin = stdin
	c.listen(stdout)
	t.Cleanup(c.end)
	return c
}

// listen collects what the child says until its last copy of stdout is closed.
// Wait comes after: it would close the pipe under the reader.
func (c *Child) listen(stdout io.ReadCloser) {
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		defer close(c.heard)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			fmt.Fprintf(&c.log, "said %s\n", lines.Text())
			c.heard <- lines.Text()
		}
	}()
	c.wait = sync.OnceValue(func() error {
		if c.Cmd.Process == nil {
			_ = c.stdin.Close()
			_ = stdout.Close()
			return nil
		}
		<-c.ended
		return c.Cmd.Wait()
	})
}

// Start starts the child.
func (c *Child) Start() *Child {
	c.t.Helper()
	if err := c.Cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// Say says a line to the child, where Hear returns it.
func (c *Child) Say(line string) error {
	_, err := io.WriteString(c.stdin, line+"\n")
	return err
}

// Hear waits for the next line that the child says. The error is its end.
func (c *Child) Hear() (string, error) {
	if line, alive := <-c.heard; alive {
		return line, nil
	}
	return "", fmt.Errorf("the child has ended: %w", io.EOF)
}

// Wait waits for the child to end. It may be called more than once.
func (c *Child) Wait() error {
	for range c.heard { // or its last words would keep the pipe full
	}
	return c.wait()
}

// Kill ends the child with SIGKILL. When it returns, the kernel has closed all
// that the child held.
func (c *Child) Kill() {
	c.killed.Store(true)
	_ = c.Cmd.Process.Kill()
	_ = c.Wait()
}

// Killed reports whether Kill was called.
func (c *Child) Killed() bool { return c.killed.Load() }

// Ended is closed when the child has ended, or has closed its stdout.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Stop halts the child with SIGSTOP, and returns when it no longer runs.
func (c *Child) Stop() error {
	if err := c.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(settleTime); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.Cmd.Process.Pid))
		if err != nil {
			return err
		}
		if i := bytes.LastIndexByte(stat, ')'); bytes.HasPrefix(stat[i:], []byte(") T")) {
			return nil
		}
	}
	return fmt.Errorf("child %d does not stop", c.Cmd.Process.Pid)
}

// Continue lets a stopped child go on.
func (c *Child) Continue() error { return c.Cmd.Process.Signal(syscall.SIGCONT) }

// Quit asks the child for the stacks of its goroutines, which are its last
// words in the test's log.
func (c *Child) Quit() {
	_ = c.Cmd.Process.Signal(syscall.SIGCONT)
	_ = c.Cmd.Process.Signal(syscall.SIGQUIT)
	_ = c.Wait()
}

func (c *Child) end() {
	if c.Cmd.Process != nil {
		_ = c.Cmd.Process.Kill()
		_ = c.Wait()
	} else {
		_ = c.wait()
	}
	if c.t.Failed() {
		c.t.Logf("child %q:\n%s", c.Cmd.Args[1:], c.log.String())
	}
}

// A transcript is what a child wrote, in the order in which it came.
type transcript struct {
	sync.Mutex
	text strings.Builder
}

func (t *transcript) Write(p []byte) (int, error) {
	t.Lock()
	defer t.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.Lock()
	defer t.Unlock()
	return t.text.String()
}
