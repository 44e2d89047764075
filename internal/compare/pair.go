package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith"
)

// How long a pair may take before it is given up. An input is given another
// second for each slowRate bytes of it.
const (
	patience = 30 * time.Second
	farewell = 5 * time.Second
	slowRate = 1 << 20
)

// A Pair is two processes that are connected over a subject and measure it. Its
// methods may be called by one goroutine at a time.
type Pair struct {
	Subject Subject

	cmd  *exec.Cmd
	line *kith.Conn
	said bytes.Buffer // what both processes say on standard error
}

// Start starts the two processes, pinned, with dir as their KITH_DIR, and
// returns when they are connected. Close must be called in the end.
func Start(ctx context.Context, s Subject, at Placement, dir string) (*Pair, error) {
	p := &Pair{Subject: s}
	p.cmd = another(&p.said, "KITH_DIR="+dir)
	// Both are a group of their own: Ctrl-C on the terminal reaches only the
	// coordinator, which ends them in order, or else kills the group.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = farewell
	var err error
	if p.line, err = kith.StartAt(ctx, p.cmd, orderLine); err != nil {
		return nil, withWords(err, p.said.String())
	}
	if _, err := p.ask(ctx, part{s.Address, at, true}, patience); err != nil {
		return nil, err
	}
	return p, nil
}

// Measure measures one cell.
func (p *Pair) Measure(ctx context.Context, cell Cell) (Result, error) {
	r, err := p.ask(ctx, order{Cell: &cell}, patience)
	if err != nil {
		return Result{}, err
	}
	return *r.Result, nil
}

// Stream carries the input over the subject. It is an error when what arrives
// is not what was read before.
func (p *Pair) Stream(ctx context.Context, input Input) (Arrival, error) {
	limit := patience + time.Duration(input.Bytes/slowRate)*time.Second
	r, err := p.ask(ctx, order{Stream: &Stream{input.path}}, limit)
	if err != nil {
		return Arrival{}, err
	}
	if r.Arrival.SHA256 != input.SHA256 {
		return *r.Arrival, fmt.Errorf("the input arrived changed: %d bytes with SHA-256 %s instead of %d with %s",
			r.Arrival.Bytes, r.Arrival.SHA256, input.Bytes, input.SHA256)
	}
	return *r.Arrival, nil
}

// ask sends what is to be done to the leader and waits for its reply. A pair
// that fails is closed, and the error has what its processes said.
func (p *Pair) ask(ctx context.Context, what any, limit time.Duration) (reply, error) {
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	err := tell(limited, p.line, what)
	if err == nil {
		var r reply
		if r, err = hearReply(limited, p.line); err == nil {
			return r, nil
		}
	}
	p.Close()
	if ctx.Err() != nil {
		return reply{}, context.Cause(ctx)
	}
	return reply{}, withWords(err, p.said.String())
}

// Close ends both processes and waits until they are gone, killing them if
// they do not go. It may be called again.
func (p *Pair) Close() {
	_ = p.line.Close()
	if p.cmd.ProcessState != nil {
		return
	}
	late := time.AfterFunc(farewell, func() { _ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL) })
	defer late.Stop()
	_ = p.cmd.Wait() // how it ended, the reply or said have told
}

// withWords adds to err the lines of a dead process that it does not have yet.
func withWords(err error, said string) error {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(text, line) && len(text) < 400 {
			text += "; " + line
		}
	}
	return errors.New(text)
}
