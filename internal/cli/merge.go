package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kith/internal/merge"
	"kith/poll"
)

// A merging is what the command line of `kith merge` says.
type merging struct {
	commands []string
	backend  poll.Backend
	follow   bool
	bare     bool
	asJSON   bool
	quiet    bool
}

func mergeCommand() *cobra.Command {
	m := &merging{}
	cmd := &cobra.Command{
		Use:   "merge SOURCE...",
		Short: "Write the lines of many sources as they come",
		Long: `Take in lines from all SOURCEs at once, and write each whole, as it comes, with its
source before it: "SOURCE: line". No line is torn or mixed with another; those of
one source stay in order. A SOURCE is

  PATH           a FIFO, a file, a device, or a Unix socket that listens
  @NAME          an abstract Unix socket that listens
  unix:NAME      a Unix socket, and
  fifo:NAME      a FIFO, by their kith addresses
  tcp:HOST:PORT  a server
  -              standard input, once
  -c CMD         a command of sh, which is started and read

A PATH that begins like one of the others is written ./PATH. A CMD has no standard
input; its standard error is taken in as well, and written to standard error.

kith ends when all sources have ended: a file at its end, a FIFO when its last
writer has gone (and not before the first has come), a socket when its peer has
closed it. With --follow it goes on where a PATH is a file or a FIFO: it waits
for what is appended, for the next writer, for a path that is not there yet, and
for a new file where another takes its place, as tail -F does.

Each source that is ready has its turn of 64 KiB, so none starves while another
floods. Where standard output is slow, the sources wait. A last line without a line
feed gets one. A line of more than 1 MiB is written in pieces, the rest as "SOURCE+
line" ("more" with --json); so are the longest where unfinished lines are more than
32 MiB together.

A source that fails is told once, and the others go on. Where kith is interrupted,
so are the commands; what they then say is still written, and kith ends with them. A
second signal kills them.

Exit status: 0 all sources have ended; 1 a source or an output failed; that of the
first CMD that failed, or 128+N where signal N ended it; 2 wrong usage or address;
141 nobody reads standard output any more; 129, 130 or 143 interrupted by SIGHUP,
SIGINT (Ctrl-C) or SIGTERM.`,
		Example: `  kith merge /run/app/*.fifo
  kith merge -c 'make -C a' -c 'make -C b 2>&1' > build.log
  kith merge --follow /var/log/syslog /var/log/auth.log
  kith merge --json tcp:localhost:4000 @feed - | jq -r .line`,
		RunE: func(cmd *cobra.Command, args []string) error {
			sources, err := m.parse(args)
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			return m.run(cmd.Context(), sources)
		},
	}
	cmd.Flags().StringArrayVarP(&m.commands, "command", "c", nil, "run `CMD` by sh, as a source; may be repeated")
	cmd.Flags().BoolVarP(&m.follow, "follow", "f", false, "go on at the end of files and FIFOs")
	cmd.Flags().BoolVar(&m.bare, "no-prefix", false, "write the lines alone")
	cmd.Flags().BoolVar(&m.asJSON, "json", false, "write a line of JSON: source, and line, or base64 where it is no text")
	cmd.Flags().TextVar(&m.backend, "backend", poll.Epoll, "wait by `NAME`: select, poll or epoll")
	cmd.Flags().BoolVarP(&m.quiet, "quiet", "q", false, "say nothing but errors")
	cmd.MarkFlagsMutuallyExclusive("no-prefix", "json")
	_ = cmd.RegisterFlagCompletionFunc("backend", cobra.FixedCompletions([]string{"select", "poll", "epoll"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("command", cobra.NoFileCompletions)
	return cmd
}

func (m *merging) parse(args []string) ([]mergeSource, error) {
	var sources []mergeSource
	names := mergeNames{}
	for _, arg := range args {
		source, err := parseMergeSource(names.of(arg), arg)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	for _, text := range m.commands {
		if text == "" {
			return nil, errors.New("want a command for CMD")
		}
		name := names.of(text)
		sources = append(sources, func(engine *merge.Merge) { engine.AddCommand(name, text) })
	}
	if len(sources) == 0 {
		return nil, errors.New("want SOURCE, or -c CMD; - is standard input")
	}
	return sources, nil
}

func (m *merging) run(ctx context.Context, sources []mergeSource) error {
	format, errFormat := m.formats()
	engine, err := merge.New(merge.Options{
		Backend: m.backend, Follow: m.follow, Format: format, ErrFormat: errFormat,
		Stdout: os.Stdout, Stderr: os.Stderr, Say: m.say, Waiting: m.sayWaiting,
	})
	if err != nil {
		return err
	}
	now, stop := stopInTwo(ctx, engine.Stop)
	defer stop()
	for _, add := range sources {
		add(engine)
	}
	result, err := engine.Run(now)
	return judgeMerge(ctx, result, err)
}

func (m *merging) formats() (out, err merge.Format) {
	switch {
	case m.asJSON:
		return merge.JSON, merge.Prefixed
	case m.bare:
		return merge.Bare, merge.Bare
	}
	return merge.Prefixed, merge.Prefixed
}

// say tells what became of a source.
func (m *merging) say(to []byte, source string, news error) []byte {
	if _, is := errors.AsType[merge.News](news); is && m.quiet {
		return to
	}
	return fmt.Appendf(to, "kith: %s: %s\n", source, message(news))
}

// sayWaiting tells people why nothing comes.
func (m *merging) sayWaiting(to []byte, fifos []string) []byte {
	if m.quiet || !isTerminal(os.Stderr) {
		return to
	}
	const most = 3
	more := ""
	if len(fifos) > most {
		more = fmt.Sprintf(" and %d more", len(fifos)-most)
	}
	return fmt.Appendf(to, "kith: waiting for a writer of %s%s\n", strings.Join(fifos[:min(most, len(fifos))], ", "), more)
}

// stopInTwo gives the first signal, which has ended ctx, to stop; the second ends the
// context that it returns.
func stopInTwo(ctx context.Context, stop func(unix.Signal)) (context.Context, func()) {
	signals := make(chan os.Signal, 2)
	hear(signals, stopping) // at once: none may end kith without its commands
	more := 2               // until the second: the first comes here, too
	if ctx.Err() != nil {
		more = 1
	}
	now, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	first := context.AfterFunc(ctx, func() {
		if s, is := errors.AsType[interrupted](context.Cause(ctx)); is {
			stop(unix.Signal(s))
		}
		for range more {
			select {
			case <-signals:
			case <-now.Done():
				return
			}
		}
		cancel(context.Cause(ctx))
	})
	return now, func() { first(); signal.Stop(signals); cancel(nil) }
}

// judgeMerge makes an exit status of how it ended.
func judgeMerge(ctx context.Context, result merge.Result, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, unix.EPIPE):
		return statusError{status: exitSignal + int(unix.SIGPIPE)}
	case errors.Is(err, poll.ErrTooHigh):
		return fmt.Errorf("%w: choose another --backend", err)
	case err != nil:
		return (&output{name: "standard output"}).failed("write", err)
	case result.Failed:
		return statusError{status: exitFailed}
	case result.Command != nil:
		return statusError{status: statusOf(result.Command)}
	}
	return nil
}

func statusOf(state *os.ProcessState) int {
	status := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return exitSignal + int(status.Signal())
	}
	return status.ExitStatus()
}
