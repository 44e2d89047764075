package cli

import (
	"context"
	"time"

	"kith/proc"
)

// follow tells all that comes, until everything has ended or ctx has. While commands
// run, ctx cannot end it: they have the signal, too, and may go on.
func (w *watching) follow(ctx context.Context) error {
	limit := w.timeout
	limit.Duration = max(limit.Duration, aLook)
	patient, cancel := limit.within(context.WithoutCancel(ctx), errLate)
	defer cancel()
	if err := w.tell(patient, ctx, w.noneRuns); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer context.AfterFunc(patient, func() { stop(context.Cause(patient)) })()
	return w.tell(ctx, ctx, func() bool { return w.Len() == 0 })
}

// aLook is enough for what has happened already: it comes at once, but not to a context
// that has ended.
const aLook = 50 * time.Millisecond

func (w *watching) tell(ctx, signalled context.Context, done func() bool) error {
	if done() {
		return nil
	}
	for event, err := range w.Events(ctx) {
		if err != nil {
			return err
		}
		if err := w.say(ctx, signalled, w.handle(event)); err != nil || done() {
			return err
		}
	}
	return nil
}

// handle returns the event's line.
func (w *watching) handle(event proc.Event) []byte {
	s := w.of[event.Watch()]
	if event.Last() {
		s.ended = true
	}
	w.reap(s, event)
	w.judge(event)
	return w.line(s, event)
}

// aReader is long enough for whoever still reads.
const aReader = time.Second

// say writes a line. While commands run, it is not for a signal to end that, unless nobody reads.
func (w *watching) say(ctx, signalled context.Context, line []byte) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(signalled, func() {
		time.AfterFunc(aReader, func() { stop(context.Cause(signalled)) })
	})()
	return w.out.write(ctx, line)
}
