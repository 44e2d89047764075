package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"kith/internal/object"
	"kith/mq"
)

// A taking is what the command line of `kith take` says.
type taking struct {
	queue   object.Queue
	count   int
	types   string
	peek    bool
	lines   bool
	asJSON  bool
	timeout timeout
}

func takeCommand() *cobra.Command {
	t := &taking{}
	cmd := &cobra.Command{
		Use:   "take ADDR",
		Short: "Take a message from a queue",
		Long: `Take a message from the message queue at ADDR, mq:NAME or sysvmq:KEY, and write it
to standard output: its bytes and nothing else, but for a line feed where that is
a terminal, or with --lines. Where the queue is empty, it waits for a message; the
--timeout is each message's own.

A message that was taken is in no queue any more: where kith is killed, or its
output cannot be written, that message is lost, and no other.

` + objectExitHelp,
		Example: `  kith take mq:jobs > job
  kith take sysvmq:0x2a --type '!5' --timeout 2s
  while kith take mq:jobs --lines --timeout 0s; do :; done   # all that is there`,
		Args:              oneAddress,
		ValidArgsFunction: completeObjects(1, queueSchemes...),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.parse(cmd, args); err != nil {
				return err
			}
			return t.run(cmd.Context())
		},
	}
	cmd.Flags().IntVar(&t.count, "count", 1, "take so many messages, one after another")
	cmd.Flags().StringVar(&t.types, "type", "", "take those of type `N` alone, of all but N (!N), or of the lowest up to N (-N), in sysvmq:")
	cmd.Flags().BoolVar(&t.peek, "peek", false, "leave the message in the queue, and do not wait, in sysvmq:")
	cmd.Flags().BoolVar(&t.lines, "lines", false, "write a line feed after each message")
	cmd.Flags().BoolVar(&t.asJSON, "json", false, "write a line of JSON: priority or type, size, and text, or base64 where it is none")
	timeoutFlag(cmd, &t.timeout)
	for _, flag := range []string{"count", "type"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
	cmd.MarkFlagsMutuallyExclusive("lines", "json")
	cmd.MarkFlagsMutuallyExclusive("peek", "timeout")
	cmd.MarkFlagsMutuallyExclusive("peek", "count")
	return cmd
}

func (t *taking) parse(cmd *cobra.Command, args []string) (err error) {
	if t.queue, err = objectAt[object.Queue](args[0], wantQueue); err != nil {
		return err
	}
	if t.count < 1 {
		err = fmt.Errorf("--count %d takes nothing", t.count)
	}
	if queue, is := t.queue.(*object.SysVQueue); is {
		if err == nil && cmd.Flags().Changed("type") {
			t.queue, err = queue.Of(t.types)
		}
	} else if cmd.Flags().Changed("type") || t.peek {
		err = errors.New("--type and --peek are for sysvmq: alone; mq: has them not, in the kernel")
	}
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	return t.timeout.parse(cmd)
}

func (t *taking) run(ctx context.Context) error {
	next := t.take
	if queue, is := t.queue.(*object.SysVQueue); is && t.peek {
		next = func(context.Context) (object.Message, error) { return queue.Next() }
	}
	for range t.count {
		m, err := next(ctx)
		if err != nil {
			return t.judge(err)
		}
		if err := t.write(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (t *taking) take(ctx context.Context) (object.Message, error) {
	within, cancel := t.timeout.within(ctx, errLate)
	defer cancel()
	return t.queue.Take(within)
}

// judge says of an empty queue that is not waited for what it says of one that
// was waited for in vain.
func (t *taking) judge(err error) error {
	if t.peek && errors.Is(err, mq.ErrEmpty) {
		return statusError{exitBusy, about(t.queue, mq.ErrEmpty)}
	}
	return t.timeout.judge(about(t.queue, err), t.queue.Address()+": "+mq.ErrEmpty.Error())
}

func (t *taking) write(ctx context.Context, m object.Message) error {
	text, err := m.Body, error(nil)
	if t.asJSON {
		if text, err = jsonMessage(t.queue.Label(), m); err != nil {
			return err
		}
	}
	if t.asJSON || t.lines || isTerminal(os.Stdout) {
		text = append(text, '\n')
	}
	_, err = await(ctx, func() (int, error) { return os.Stdout.Write(text) })
	if err != nil && !t.peek {
		err = fmt.Errorf("%w: the message that was taken is lost", err)
	}
	return err
}

// jsonMessage is a message as JSON: a body that is no text is in base64.
func jsonMessage(label string, m object.Message) ([]byte, error) {
	message := map[string]any{label: m.Label, "size": len(m.Body)}
	if utf8.Valid(m.Body) {
		message["text"] = string(m.Body)
	} else {
		message["base64"] = m.Body
	}
	return json.Marshal(message)
}
