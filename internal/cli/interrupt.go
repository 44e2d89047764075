package cli

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// interrupted is why a context of untilInterrupted ended: the signal.
type interrupted syscall.Signal

func (s interrupted) Error() string {
	return "interrupted (" + syscall.Signal(s).String() + ")"
}

// stopping are the signals by which kith is interrupted.
var stopping = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM}

// ignored are those that it was to ignore from the start, as under `nohup` or in
// the background of a script.
var ignored = slices.DeleteFunc(slices.Clone(stopping), func(s os.Signal) bool { return !signal.Ignored(s) })

// hear notifies of the signals that are not ignored.
func hear(to chan<- os.Signal, signals []os.Signal) {
	for _, s := range signals {
		if !slices.Contains(ignored, s) {
			signal.Notify(to, s)
		}
	}
}

// untilInterrupted is a context which ends, with interrupted as its cause, by
// the first SIGINT, SIGTERM or SIGHUP. The second one kills.
//
// A write to a closed standard output fails with EPIPE from here on: left
// alone, Go's runtime would end the process in silence.
func untilInterrupted(parent context.Context) (context.Context, func()) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	hear(signals, stopping)
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
