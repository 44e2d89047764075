package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/compare"
)

// waitingTime is enough for each figure to be seen a few dozen times.
const waitingTime = 15 * time.Second

// A comparingWaiting is what the command line says.
type comparingWaiting struct {
	duration time.Duration
	svg      string
	asJSON   bool
}

func compareWaitingCommand() *cobra.Command {
	c := &comparingWaiting{}
	cmd := &cobra.Command{
		Use:   "waiting [FILE]",
		Short: "Measure select, poll and epoll with 10 to 10,000 sources",
		Long: `Measure what it costs to wait for one ready source of 10 to 10,000, by select, poll
and epoll, as kith's package poll does it: the growth as a plot and a table, what it
costs to register a source and to wake a wait, and how late a deadline is.

With FILE nothing is measured: what --json, or kith's benchmark, has written before
is shown again. - is standard input.

Sources beyond the limit of open files (ulimit -Hn) are left out, and so are those
that select cannot hold, whose descriptors end at 1023. Ctrl-C shows what was
measured so far.

` + plainExitHelp,
		Example: `  kith compare waiting
  kith compare waiting --json > here.json
  kith compare waiting here.json --svg growth.svg`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: c.run,
	}
	cmd.Flags().DurationVar(&c.duration, "duration", waitingTime, "how long to measure; preparing comes on top")
	cmd.Flags().StringVar(&c.svg, "svg", "", "draw the growth into `FILE`, too")
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "write the figures as JSON, times in ns")
	return cmd
}

func (c *comparingWaiting) run(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	switch {
	case c.duration <= 0:
		return usageError{fmt.Errorf("--duration %v is no time to measure in", c.duration), cmd.CommandPath()}
	case len(args) == 1 && cmd.Flags().Changed("duration"):
		return usageError{errors.New("--duration is for measuring, and FILE is shown"), cmd.CommandPath()}
	case c.svg == "-":
		return usageError{errors.New("--svg wants a file: standard output has the table"), cmd.CommandPath()}
	}
	drawn, err := c.openSVG(ctx)
	if err != nil {
		return err
	}
	defer drawn.discard()
	figures, err := c.figures(ctx, args)
	if len(figures.Figures) == 0 {
		return err
	}
	if err := cmp.Or(c.show(cmd, figures), err); err != nil {
		return err
	}
	return c.draw(ctx, drawn, figures)
}

// figures are read or measured. There may be some though there is an error.
func (c *comparingWaiting) figures(ctx context.Context, args []string) (*compare.Waiting, error) {
	if len(args) == 1 {
		return readWaiting(ctx, args[0])
	}
	defer clearStep()
	return compare.RunWaiting(ctx, compare.WaitingOptions{Duration: c.duration, Progress: showStep})
}

func readWaiting(ctx context.Context, name string) (*compare.Waiting, error) {
	in, err := openInput(ctx, name)
	if err != nil {
		return &compare.Waiting{}, err
	}
	figures, err := await(ctx, func() (*compare.Waiting, error) { return compare.ReadWaiting(in) })
	if err != nil {
		return &compare.Waiting{}, fmt.Errorf("%s: %w", name, err)
	}
	return figures, nil
}

func (c *comparingWaiting) show(cmd *cobra.Command, figures *compare.Waiting) error {
	if !c.asJSON {
		return figures.Write(os.Stdout, columns(os.Stdout), coloured(cmd, os.Stdout))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(figures)
}

// openSVG opens the file before anything is measured in vain.
func (c *comparingWaiting) openSVG(ctx context.Context) (*output, error) {
	if c.svg == "" {
		return &output{}, nil
	}
	return createOutput(ctx, c.svg)
}

func (c *comparingWaiting) draw(ctx context.Context, to *output, figures *compare.Waiting) error {
	if c.svg == "" {
		return nil
	}
	var text bytes.Buffer
	if err := figures.WriteSVG(&text); err != nil {
		return fmt.Errorf("%s: %w", c.svg, err)
	}
	return cmp.Or(to.write(ctx, text.Bytes()), to.commit())
}
