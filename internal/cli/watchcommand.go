package cli

import (
	"context"
	"strings"
	"syscall"

	"kith/proc"
)

// startAll starts the commands, the one that may not be there first. All of them hear
// signals before the first one runs.
func (w *watching) startAll(ctx context.Context) error {
	var all []*subject
	if len(w.command) > 0 {
		all = append(all, newCommand(strings.Join(w.command, " "), w.command...))
	}
	for _, script := range w.scripts {
		all = append(all, newCommand(script, "sh", "-c", script))
	}
	for _, s := range all {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := w.start(s); err != nil {
			return err
		}
	}
	return nil
}

func newCommand(name string, command ...string) *subject {
	c := newChild(command)
	hear(c.signals, passing)
	return &subject{name: name, command: c}
}

func (w *watching) start(s *subject) error {
	c := s.command
	if c.Err != nil {
		return cannotRun(c.Err)
	}
	if err := c.interrupted(); err != nil {
		return err
	}
	watch, err := w.Start(c.Cmd)
	if err != nil {
		return cannotRun(err)
	}
	if id, err := proc.Identify(watch.PID()); err == nil {
		s.start = id.Start
	}
	w.add(watch, s)
	w.running++
	go func() {
		for signal := range c.signals {
			c.pass(signal)
		}
	}()
	return nil
}

func (w *watching) noneRuns() bool { return w.running == 0 }

// reap waits for a command that has ended.
func (w *watching) reap(s *subject, event proc.Event) {
	if s.command == nil || !event.Last() {
		return
	}
	w.running--
	if _, ended := event.(proc.Exited); ended {
		s.outcome = s.command.status(s.command.Wait())
	}
}

// stopAll ends the commands that still run, and waits for them.
func (w *watching) stopAll() {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGCONT} {
		for s := range w.unended() {
			if s.command != nil {
				_ = s.command.Process.Signal(signal)
			}
		}
	}
	for s := range w.unended() {
		if s.command != nil {
			_ = s.command.Wait()
		}
	}
}
