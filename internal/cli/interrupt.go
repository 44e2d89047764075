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
// the first SIGINT, SIGTERM or SIGHUP. The second one kills. A signal that the
// parent made us ignore, as `nohup` and a shell's `&` do, stays ignored.
//
// A write to a closed standard output fails with EPIPE from here on: left
// alone, Go's runtime would end the process in silence.
func untilInterrupted(parent context.Context) (context.Context, func()) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
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
