package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/lock"
)

// The exit statuses of `kith lock`, beside those of its command: timeout(1) and
// env(1) have them too.
const (
	exitBusy       = 124
	exitLockFailed = 125
	exitCannotRun  = 126
	exitNotFound   = 127
)

// A locking is what the command line of `kith lock` says.
type locking struct {
	file    string
	command []string
	shared  bool
	part    byteRange
	timeout timeout
	quiet   bool
}

func lockCommand() *cobra.Command {
	l := &locking{}
	cmd := &cobra.Command{
		Use:   "lock FILE [flags] -- CMD [ARG...]",
		Short: "Hold a lock on a file while a command runs",
		Long: `Take a lock on FILE, run CMD, and give the lock up when CMD has ended. FILE is
made if need be, and stays. It may be a directory.

The lock is flock(2)'s, as flock(1) takes it. With --range it is a record lock,
which programs respect that use fcntl(2) or lockf(3). The two do not see each
other.

CMD inherits the lock: where kith is killed (SIGKILL), the lock is held until CMD
has ended, and all processes that CMD has left. Where kith is alive, it gives the
lock up when CMD itself has ended, whatever CMD has left in the background.

SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 and SIGWINCH are passed on to
CMD, but for those that CMD has from the terminal itself, as with Ctrl-C: kith
passes on no SIGINT, SIGQUIT or SIGWINCH while both are in its foreground. Ctrl-Z
stops both.

Exit status: that of CMD, or 128+N where signal N ended it; 124 the lock was busy
until the timeout, 125 kith failed, 126 CMD cannot be run, 127 there is no CMD,
2 wrong usage, 129, 130 or 143 interrupted by SIGHUP, SIGINT (Ctrl-C) or SIGTERM
before CMD ran.`,
		Example: `  kith lock /run/backup.lock --timeout 0 -- backup /home   # or say that one runs
  kith lock stock.dat --shared --range 0:512 -- report stock.dat`,
		Args: fileAndCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			l.file, l.command = args[0], args[1:]
			if err := l.timeout.parse(cmd); err != nil {
				return err
			}
			return l.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&l.shared, "shared", false, "share the lock with others who take it so")
	cmd.Flags().Var(&l.part, "range", "lock LENGTH bytes from START on, or all from there")
	timeoutFlag(cmd, &l.timeout)
	cmd.Flags().BoolVarP(&l.quiet, "quiet", "q", false, "say nothing but errors")
	_ = cmd.RegisterFlagCompletionFunc("range", cobra.NoFileCompletions)
	return cmd
}

// fileAndCommand checks that the arguments are FILE -- CMD [ARG...].
func fileAndCommand(cmd *cobra.Command, args []string) error {
	switch {
	case cmd.ArgsLenAtDash() != 1 || len(args) < 2:
		return errors.New("want FILE -- CMD [ARG...]")
	case args[0] == "" || args[1] == "":
		return errors.New("want names for FILE and CMD")
	}
	return nil
}

func (l *locking) run(ctx context.Context) error {
	command := newChild(l.command)
	if command.Err != nil { // now, rather than after a long wait
		return cannotRun(command.Err)
	}
	held, err := l.take(ctx)
	if err != nil {
		return err
	}
	if err := keepOpen(held.File()); err != nil {
		return statusError{exitLockFailed, err}
	}
	err = command.run()
	if unlocked := held.Unlock(); err == nil && unlocked != nil {
		err = statusError{exitLockFailed, unlocked}
	}
	return err
}

// keepOpen lets children inherit the descriptor under its own number: whatever
// else kith has inherited has numbers too, which CMD may know.
func keepOpen(file *os.File) error {
	return sys.Control(file, func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
		return os.NewSyscallError("fcntl", err)
	})
}

func cannotRun(err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return statusError{exitNotFound, err}
	}
	return statusError{exitCannotRun, err}
}

// take takes the lock, and waits for it as long as it is to.
func (l *locking) take(ctx context.Context) (*lock.Lock, error) {
	target, mode := lock.At(l.file, l.kind()), l.mode()
	held, err := target.Try(mode, l.part.Range)
	if errors.Is(err, lock.ErrBusy) && (!l.timeout.limited || l.timeout.Duration > 0) {
		held, err = l.wait(ctx, target)
	}
	switch {
	case err == nil:
		return held, nil
	case errors.Is(err, lock.ErrBusy):
		return nil, statusError{exitBusy, fmt.Errorf("%w: %s; wait longer with --timeout, or end it", err, l.holder(target))}
	case errors.Is(err, unix.EBADF):
		err = fmt.Errorf("%w: an exclusive lock on a range needs a file that you may write", err)
	}
	return nil, statusError{exitLockFailed, err}
}

// wait ends, where it is limited, as Try does.
func (l *locking) wait(ctx context.Context, target *lock.Target) (*lock.Lock, error) {
	ctx, cancel := l.timeout.within(ctx, lock.ErrBusy)
	defer cancel()
	if !l.quiet && isTerminal(os.Stderr) {
		defer time.AfterFunc(aMoment, func() {
			fmt.Fprintf(os.Stderr, "kith: waiting for %s: %s\n", l.file, l.holder(target))
		}).Stop()
	}
	return target.Lock(ctx, l.mode(), l.part.Range)
}

// aMoment is how long nobody minds to wait without a word.
const aMoment = 500 * time.Millisecond

// holder says who has the lock.
func (l *locking) holder(target *lock.Target) string {
	h, err := target.Holder(l.mode(), l.part.Range)
	if err != nil || h == nil || h.PID == 0 {
		return "a process that has it open holds it (fuser -v " + l.file + ")"
	}
	name, alive := nameOf(h.PID)
	if !alive {
		return fmt.Sprintf("a process that inherited it from process %d holds it (fuser -v %s)", h.PID, l.file)
	}
	return fmt.Sprintf("process %d (%s) holds it", h.PID, name)
}

// nameOf is a process's name, unless it has ended (proc_pid_stat(5)):
// "1234 (name) S ...", with Z for one that its parent has not asked for yet.
func nameOf(pid int) (name string, alive bool) {
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	start, end := bytes.IndexByte(stat, '('), bytes.LastIndex(stat, []byte(") "))
	if start < 0 || end < start || bytes.HasPrefix(stat[end:], []byte(") Z")) {
		return "", false
	}
	return printable(stat[start+1 : end]), true
}

func (l *locking) kind() lock.Kind {
	if l.part.given {
		return lock.OFD
	}
	return lock.Flock
}

func (l *locking) mode() lock.Mode {
	if l.shared {
		return lock.Shared
	}
	return lock.Exclusive
}
