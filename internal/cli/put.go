package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kith/internal/object"
	"kith/mq"
)

// A putting is what the command line of `kith put` says.
type putting struct {
	queue    object.Queue
	lines    bool
	priority uint32
	kind     int64
	timeout  timeout
}

func putCommand() *cobra.Command {
	p := &putting{}
	cmd := &cobra.Command{
		Use:   "put ADDR [MESSAGE]",
		Short: "Put a message into a queue",
		Long: `Put MESSAGE into the message queue at ADDR, mq:NAME or sysvmq:KEY. Without it, or
where it is -, standard input is the message, as it is, to its end; with --lines
each of its lines is one, without the line feed. A MESSAGE that begins with - comes
behind --. Where the queue is full, it waits for room; the --timeout is each
message's own.

` + objectExitHelp,
		Example: `  kith put mq:jobs 'resize 7' --priority 5
  kith put sysvmq:0x2a --type 3 < request.bin
  seq 1000 | kith put mq:jobs --lines --timeout 10s`,
		Args:              addressAndMessage,
		ValidArgsFunction: completeObjects(1, queueSchemes...),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.parse(cmd, args); err != nil {
				return err
			}
			return p.run(cmd.Context(), args[1:])
		},
	}
	cmd.Flags().BoolVar(&p.lines, "lines", false, "each line of standard input is a message")
	cmd.Flags().Uint32Var(&p.priority, "priority", 0, "of the message in mq:, up to 32767; the highest is taken first")
	cmd.Flags().Int64Var(&p.kind, "type", 1, "of the message in sysvmq:, above 0")
	timeoutFlag(cmd, &p.timeout)
	for _, flag := range []string{"priority", "type"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
	return cmd
}

var queueSchemes = []string{"mq", "sysvmq"}

const wantQueue = "a message queue, mq:NAME or sysvmq:KEY"

// addressAndMessage checks that the arguments are ADDR [MESSAGE].
func addressAndMessage(_ *cobra.Command, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("want ADDR [MESSAGE], got %d arguments; quote a message with spaces", len(args))
	}
	return nil
}

func (p *putting) parse(cmd *cobra.Command, args []string) (err error) {
	if p.queue, err = objectAt[object.Queue](args[0], wantQueue); err != nil {
		return err
	}
	wrong := ""
	switch {
	case cmd.Flags().Changed("priority") && p.queue.Label() != "priority":
		wrong = "--priority is for mq:, and this queue has a --type"
	case cmd.Flags().Changed("type") && p.queue.Label() != "type":
		wrong = "--type is for sysvmq:, and this queue has a --priority"
	case p.priority > mq.MaxPriority:
		wrong = fmt.Sprintf("--priority %d is over %d", p.priority, mq.MaxPriority)
	case p.kind < 1:
		wrong = fmt.Sprintf("--type %d is not above 0", p.kind)
	case p.lines && len(args) == 2 && args[1] != "-":
		wrong = "--lines is for standard input, and MESSAGE is given"
	}
	if wrong != "" {
		return usageError{errors.New(wrong), cmd.CommandPath()}
	}
	return p.timeout.parse(cmd)
}

func (p *putting) run(ctx context.Context, message []string) error {
	if len(message) == 1 && message[0] != "-" {
		return p.put(ctx, []byte(message[0]))
	}
	largest, err := p.queue.Largest()
	if err != nil {
		return about(p.queue, err)
	}
	if p.lines {
		return p.putLines(ctx, largest)
	}
	// One byte more than the queue takes is enough for its own error.
	whole, err := await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(os.Stdin, int64(largest)+1)) })
	if err != nil {
		return err
	}
	return p.put(ctx, whole)
}

func (p *putting) putLines(ctx context.Context, largest int) error {
	lines := bufio.NewReaderSize(os.Stdin, largest+2) // a line that does not fit is too long, with its line feed
	for number := 1; ; number++ {
		line, err := await(ctx, func() ([]byte, error) { return lines.ReadSlice('\n') })
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) {
			err = p.put(ctx, bytes.TrimSuffix(line, []byte("\n")))
		}
		if err != nil {
			return fmt.Errorf("line %d and what follows was not put: %w", number, err)
		}
	}
}

func (p *putting) put(ctx context.Context, body []byte) error {
	m := object.Message{Label: int64(p.priority), Body: body}
	if p.queue.Label() == "type" {
		m.Label = p.kind
	}
	within, cancel := p.timeout.within(ctx, errLate)
	defer cancel()
	return p.timeout.judge(about(p.queue, p.queue.Put(within, m)), p.queue.Address()+": "+mq.ErrFull.Error())
}
