package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/compare"
)

// compareTime keeps `go run ./cmd/kith compare`, compiling it too, well within
// two minutes.
const compareTime = 40 * time.Second

func compareCommand() *cobra.Command {
	options, asJSON := compare.Options{Stdin: os.Stdin}, false
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Measure every transport on this machine, side by side",
		Long: `Compare measures every transport on this machine, side by side.

For each of them two processes, each kept on one CPU, stream a real input and
check its SHA-256 on arrival. Then they measure round trips and one-way
throughput for messages of 64 B, 4 KiB, 64 KiB and 1 MiB, in turn, so that a
machine that drifts is fair to all. Beside speed stands what each transport
declares of its connection, its reach, its access control and its races.

Every result is saved as it comes, as a line of JSON. Ctrl-C shows what was
measured so far.`,
		Example: `  kith compare
  kith compare --input holiday.mov
  tar c . | kith compare --input - --json > report.json
  taskset -c 0,2 kith compare --duration 5m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if compare.IsWorker() {
				return compare.Work(cmd.Context())
			}
			return runCompare(cmd, options, asJSON)
		},
	}
	cmd.Flags().StringVar(&options.Input, "input", "", "stream `FILE`; - is standard input (default: 64 MiB that it makes)")
	cmd.Flags().DurationVar(&options.Duration, "duration", compareTime, "how long to measure; starting and streaming come on top")
	cmd.Flags().StringVar(&options.Save, "save", "", "save each result in `FILE` (default: a new file in the user's cache)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as JSON, times in ns, sizes in bytes")
	cmd.AddCommand(compareWaitingCommand())
	return cmd
}

func runCompare(cmd *cobra.Command, options compare.Options, asJSON bool) error {
	if options.Duration <= 0 {
		return usageError{fmt.Errorf("--duration %v is no time to measure in", options.Duration), cmd.CommandPath()}
	}
	options.Subjects = compare.Subjects()
	options.Progress = showStep
	report, err := compare.Run(cmd.Context(), options)
	clearStep()
	if asJSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return cmp.Or(err, encoder.Encode(report), failedTransports(report))
	}
	if report.Empty() && err != nil {
		return err
	}
	return cmp.Or(err, report.Write(os.Stdout, columns(os.Stdout), coloured(cmd, os.Stdout)), failedTransports(report))
}

func failedTransports(report *compare.Report) error {
	if failed := report.Failed(); len(failed) > 0 {
		return errors.New("not measured to the end: " + strings.Join(failed, ", "))
	}
	return nil
}

// showStep draws one line on a terminal, over the one before.
func showStep(done, total int, what string) {
	if isTerminal(os.Stderr) {
		line := fmt.Sprintf("%3d %% %s", 100*done/total, what)
		fmt.Fprint(os.Stderr, "\r"+clip(line, columns(os.Stderr)-1)+"\x1b[K")
	}
}

func clearStep() {
	if isTerminal(os.Stderr) {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
