package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kith/internal/object"
	"kith/mq"
)

// A peeking is what the command line of `kith peek` says.
type peeking struct {
	offset, length int64
	limited        bool // there is a length
	message        int
	one            bool // there is a message
	asJSON         bool
}

func peekCommand() *cobra.Command {
	p := &peeking{}
	cmd := &cobra.Command{
		Use:   "peek ADDR",
		Short: "Look into an object of the kernel's without taking anything",
		Long: `Look at what is in an object, and leave it as it is:

  sysvshm: posixshm: file:  the bytes, or --length of them from --offset on
  fifo:                     the bytes that nobody has read yet
  sysvmq:                   the messages; the bytes of one with --message
  sysvsem: posixsem:        the values, and how many wait

Bytes are a hexadecimal dump where standard output is a terminal, and else
nothing but themselves. System V notes that kith has attached the segment.

A FIFO can be looked into while another process has it open for reading, which
only root sees of other users' processes: else a look would let in a writer who
waits for a reader, and lose what it writes. The messages of mq: cannot be looked
at: the kernel has nothing for it.

` + plainExitHelp,
		Example: `  kith peek sysvshm:0x2a --length 64
  kith peek posixshm:frames | sha256sum
  kith peek sysvmq:id:17 --message 0   # the oldest`,
		Args:              oneAddress,
		ValidArgsFunction: completeObjects(1, "sysvshm", "posixshm", "sysvsem", "posixsem", "sysvmq", "fifo", "file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.run(cmd, args[0])
		},
	}
	cmd.Flags().Int64Var(&p.offset, "offset", 0, "begin `BYTES` behind the start")
	cmd.Flags().Int64Var(&p.length, "length", 0, "show so many `BYTES` (default: all)")
	cmd.Flags().IntVar(&p.message, "message", 0, "show the bytes of message `N` alone, counted from 0, the oldest")
	cmd.Flags().BoolVar(&p.asJSON, "json", false, "print a line of JSON for each message or semaphore")
	for _, flag := range []string{"offset", "length", "message"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
	cmd.MarkFlagsMutuallyExclusive("message", "json")
	return cmd
}

func (p *peeking) run(cmd *cobra.Command, address string) error {
	o, err := objectAt[object.Object](address, "")
	if err != nil {
		return err
	}
	flags := cmd.Flags()
	p.limited, p.one = flags.Changed("length"), flags.Changed("message")
	bytes, _ := o.(object.Memory)
	queue, _ := o.(*object.SysVQueue)
	semaphores, _ := o.(object.Semaphores)
	wrong := ""
	switch {
	case bytes == nil && queue == nil && semaphores == nil:
		wrong = "the kernel has no peek for mq:; `kith stat` tells how many messages there are, `kith take` takes one"
	case bytes == nil && (p.limited || flags.Changed("offset")):
		wrong = "--offset and --length are for what holds bytes"
	case queue == nil && p.one:
		wrong = "--message is for sysvmq:"
	case bytes != nil && p.asJSON:
		wrong = "--json is for messages and semaphores"
	case p.offset < 0 || p.length < 0 || p.message < 0:
		wrong = "--offset, --length and --message cannot be below 0"
	}
	switch {
	case wrong != "":
		return usageError{errors.New(wrong), cmd.CommandPath()}
	case bytes != nil:
		return p.bytes(cmd.Context(), bytes)
	case queue != nil:
		return p.messages(cmd, queue)
	}
	return showSemaphores(cmd, semaphores, p.asJSON)
}

func (p *peeking) bytes(ctx context.Context, o object.Memory) error {
	bytes, err := o.Open()
	if err != nil {
		return about(o, err)
	}
	defer bytes.Close()
	if p.offset > bytes.Size() {
		return about(o, fmt.Errorf("--offset %d is behind its end: it has %d bytes", p.offset, bytes.Size()))
	}
	length := bytes.Size() - p.offset
	if p.limited {
		length = min(length, p.length)
	}
	return copyOut(ctx, o, io.NewSectionReader(bytes, p.offset, length), p.offset)
}

// copyOut writes bytes to standard output: as a dump, where that is a terminal.
func copyOut(ctx context.Context, o object.Object, from io.Reader, offset int64) error {
	out := io.WriteCloser(os.Stdout)
	if isTerminal(os.Stdout) {
		out = newDump(os.Stdout, offset)
	}
	buffer := make([]byte, messageSize)
	for {
		n, err := io.ReadFull(from, buffer)
		if n > 0 {
			if _, err := await(ctx, func() (int, error) { return out.Write(buffer[:n]) }); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return out.Close()
		case err != nil:
			return about(o, err)
		}
	}
}

func (p *peeking) messages(cmd *cobra.Command, queue *object.SysVQueue) error {
	if p.one {
		m, err := queue.Peek(p.message)
		if err != nil {
			return about(queue, err)
		}
		t := taking{queue: queue, peek: true}
		return t.write(cmd.Context(), m)
	}
	t := newTable(cmd, 5, "message", "type", "size", "text")
	for i := 0; ; i++ {
		m, err := queue.Peek(i)
		switch {
		case errors.Is(err, mq.ErrEmpty) && p.asJSON:
			return nil
		case errors.Is(err, mq.ErrEmpty):
			return printTable(t)
		case err != nil:
			return about(queue, err)
		case p.asJSON:
			t := taking{queue: queue, peek: true, asJSON: true}
			if err := t.write(cmd.Context(), m); err != nil {
				return err
			}
		default:
			t.AppendRow([]any{i, m.Label, len(m.Body), clip(printable(m.Body), bodyColumns)})
		}
	}
}

// bodyColumns are enough to tell messages apart.
const bodyColumns = 48

// showSemaphores is a table, or a line of JSON for each.
func showSemaphores(cmd *cobra.Command, o object.Semaphores, asJSON bool) error {
	values, err := o.Values()
	if err != nil {
		return about(o, err)
	}
	if asJSON {
		lines := json.NewEncoder(os.Stdout)
		for _, s := range values {
			if err := lines.Encode(s); err != nil {
				return err
			}
		}
		return nil
	}
	t := newTable(cmd, 1, "index", "value", "waiting", "for 0", "last PID")
	for _, s := range values {
		t.AppendRow([]any{s.Index, s.Value, s.Waiting, s.WaitingZero, s.LastPID})
	}
	return printTable(t)
}
