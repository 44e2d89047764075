package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// A timeout is what --timeout says of a command that may have to wait.
type timeout struct {
	time.Duration
	limited bool // it was given
}

func timeoutFlag(cmd *cobra.Command, t *timeout) {
	cmd.Flags().DurationVar(&t.Duration, "timeout", 0, "wait so long at most; 0s tries once (default: wait for ever)")
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
}

func (t *timeout) parse(cmd *cobra.Command) error {
	if t.limited = cmd.Flags().Changed("timeout"); t.Duration < 0 {
		return usageError{fmt.Errorf("--timeout %v is no time to wait", t.Duration), cmd.CommandPath()}
	}
	return nil
}

// errLate is why a wait for a queue or a semaphore ended.
var errLate = errors.New("not in time")

// within is a context that ends, where the time is limited, for that reason.
func (t *timeout) within(ctx context.Context, why error) (context.Context, context.CancelFunc) {
	if !t.limited {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, t.Duration, why)
}

// judge gives an error its own exit status where it is that the time ran out.
func (t *timeout) judge(err error, what string) error {
	if !errors.Is(err, errLate) {
		return err
	}
	return statusError{exitBusy, fmt.Errorf("%s after %v; wait longer with --timeout", what, t.Duration)}
}
