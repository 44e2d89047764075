package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is why a context of untilInterrupted ended: the signal.
type interrupted syscall.Signal

func (s interrupted) Error() string {
	return "interrupted (" + syscall.Signal(s).String() + ")"
}

// untilInterrupted is a context which ends, with interrupted as its cause, by
// the first SIGINT, SIGTERM or SIGHUP. The second one kills. Under `nohup`
// SIGHUP stays ignored.
//
// A write to a closed standard output fails with EPIPE from here on: left
// alone, Go's runtime would end the process in silence.
func untilInterrupted(parent context.Context) (context.Context, func()) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(interrupted(s.(syscall.Signal)))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}
