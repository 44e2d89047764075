package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"kith/proc"
)

// The exit statuses of `kith watch`, beside those of `kith lock`. The highest counts.
const (
	exitEndedBadly  = 1
	exitNoMemory    = 3
	exitNotWatched  = 4
	exitWatchFailed = 125
)

// A watching is what the command line of `kith watch` says, and what comes of it.
type watching struct {
	targets []target
	command []string // behind --
	scripts []string // of --command
	asJSON  bool
	timeout timeout

	*proc.Watcher
	out      *output
	subjects []*subject
	of       map[*proc.Watch]*subject
	running  int // commands
	worst    int // exit status
}

func watchCommand() *cobra.Command {
	w := &watching{of: map[*proc.Watch]*subject{}}
	cmd := &cobra.Command{
		Use:   "watch [PID|CGROUP|FIFO...] [flags] [-- CMD [ARG...]]",
		Short: "Say when processes end and control groups run out of memory",
		Long: `Watch any number of processes and control groups, and print a line when one ends or
runs out of memory, at that moment:

  PID      a process: its end, with status or signal
  CGROUP   a control group: each time that it is out of memory, and its removal;
           of version 2 also when its last process has gone. Its directory, or
           what follows /sys/fs/cgroup/
  FIFO     a FIFO that processes have open for writing: the end of the last one.
           A path that starts with / or .
  -c CMD   a command line for sh(1), which kith starts; as many as you like
  -- CMD   a command, which kith starts

Kith ends when all have ended: a control group, when it was removed. Processes may
be anybody's, and each is told from another that gets its PID later. The status of
one that kith has not started needs Linux 6.15. Another user's is told when its
parent has asked for it: until then the process is a zombie.

A line of --json has time, event (exit, zombie, hangup, oom, removed, populated,
empty, failed), pid and name, or cgroup, or fifo; and with exit: status, or signal
and core, if the kernel tells, and the seconds since it was started; with oom: how
many times, and how many processes were killed; with failed: the error.

Commands have kith's standard input, output and error. Signals reach them as with
` + "`kith lock`" + `; where they run, it is they who are interrupted, and kith ends when they
have. When the time is up, or nobody reads the lines any more, they get SIGTERM. Of
-c CMD, the shell gets signals, and what it runs goes on, unless CMD begins with exec.
Where kith is killed (SIGKILL), commands go on.

Exit status: the highest of 0 all ended well, as far as the kernel tells; 1 a
process ended with another status than 0, or by a signal; 3 a control group was
out of memory; 4 something could not be watched, mostly as it is not there (the
rest is). For one command and nothing else, its own, or 128+N where signal N ended it.
Else 2 wrong usage, 124 not all ended within the --timeout, 125 kith failed, 126 CMD
cannot be run, 127 there is no CMD, 129, 130 or 143 interrupted by SIGHUP, SIGINT
(Ctrl-C) or SIGTERM before all had ended.`,
		Example: `  kith watch 4711 && notify "the backup is there"
  kith watch $(pgrep worker) /sys/fs/cgroup/jobs
  kith watch -c 'exec serve 80 >log1' -c 'exec serve 81 >log2' --json | jq 'select(.signal)'
  kith watch --timeout 10s memory/jobs -- ./job`,
		Args:              w.parse,
		ValidArgsFunction: completeWatch,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := w.timeout.parse(cmd); err != nil {
				return err
			}
			return w.run(cmd.Context())
		},
	}
	cmd.Flags().StringArrayVarP(&w.scripts, "command", "c", nil, "start `CMD` by sh -c, and watch it; may be repeated")
	cmd.Flags().BoolVar(&w.asJSON, "json", false, "print lines of JSON")
	timeoutFlag(cmd, &w.timeout)
	_ = cmd.RegisterFlagCompletionFunc("command", cobra.NoFileCompletions)
	return cmd
}

func (w *watching) run(ctx context.Context) (err error) {
	if w.Watcher, err = proc.New(); err != nil {
		return statusError{exitWatchFailed, err}
	}
	defer w.Close()
	if w.out, err = createOutput(ctx, "-"); err != nil {
		return err
	}
	for _, t := range w.targets { // first: a command may end them
		if err := w.begin(t); err != nil {
			w.worst = exitNotWatched
			fmt.Fprintln(os.Stderr, "kith: "+message(t.explain(err)))
		}
	}
	if err = w.startAll(ctx); err == nil {
		err = w.follow(ctx)
	}
	if err != nil {
		err = w.failed(err) // which says who has not ended
		w.stopAll()
		return err
	}
	return w.verdict()
}
