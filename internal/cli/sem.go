package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kith/internal/object"
	"kith/sem"
)

// A semaphoring is what the command line of `kith sem` says.
type semaphoring struct {
	object  object.Semaphores
	index   uint16
	asJSON  bool
	timeout timeout
}

func semCommand() *cobra.Command {
	s := &semaphoring{}
	cmd := &cobra.Command{
		Use:   "sem ADDR [OPERATION...] [-- CMD [ARG...]]",
		Short: "Show, wait for, post and set semaphores; hold one while a command runs",
		Long: `Show the semaphores at ADDR, sysvsem:KEY or posixsem:NAME; or do something with
them:

  wait        take one, and wait until there is one
  post        give one back
  zero        wait until the value is 0                  sysvsem: alone
  set VALUE   set the value; its waiters go on with it   sysvsem: alone
  -- CMD      take one, run CMD, give it back

In a set that is the first semaphore, or the one of --index. Several operations on
a set are done at once, or none of them: I-N takes N of semaphore I, I+N gives N
back, I=0 waits until it is 0.

With -- CMD, the kernel gives back to a set what was taken when CMD ends, however
it ends (SEM_UNDO). To posixsem: kith does, when CMD has ended: where kith is
killed (SIGKILL), nobody does. Signals reach CMD as with ` + "`kith lock`" + `.

Exit status: 0 done, 1 failed, 2 wrong usage or address, 124 not within the
--timeout, 129, 130 or 143 interrupted by SIGHUP, SIGINT (Ctrl-C) or SIGTERM. Once
CMD runs, its own, or 128+N where signal N ended it; 126 it cannot be run, 127
there is none.`,
		Example: `  kith mk 'sysvsem:42?values=2,0,5'
  kith sem sysvsem:42                       # a table of the values
  kith sem sysvsem:42 wait --timeout 5s
  kith sem sysvsem:42 0-1 1+2 2=0           # all three at once
  kith sem sysvsem:42 set 3 --index 1
  kith sem sysvsem:42 -- backup /home       # at most two at a time`,
		Args:              semArguments,
		ValidArgsFunction: completeSem,
		RunE:              s.run,
	}
	cmd.Flags().Uint16Var(&s.index, "index", 0, "which semaphore of a set, counted from 0")
	cmd.Flags().BoolVar(&s.asJSON, "json", false, "show a line of JSON for each semaphore")
	timeoutFlag(cmd, &s.timeout)
	_ = cmd.RegisterFlagCompletionFunc("index", cobra.NoFileCompletions)
	return cmd
}

// semArguments checks that they are ADDR, and then operations or -- CMD.
func semArguments(cmd *cobra.Command, args []string) error {
	switch dash := cmd.ArgsLenAtDash(); {
	case len(args) == 0 || dash == 0:
		return errors.New("want ADDR [OPERATION...] or ADDR -- CMD [ARG...]")
	case dash == 1 && (len(args) == 1 || args[1] == ""):
		return errors.New("want a CMD after --")
	case dash > 1:
		return errors.New("want either operations or -- CMD")
	}
	return nil
}

func completeSem(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return []string{"wait", "post", "zero", "set"}, cobra.ShellCompDirectiveNoFileComp
	}
	return completeObjects(1, "sysvsem", "posixsem")(cmd, args, typed)
}

func (s *semaphoring) run(cmd *cobra.Command, args []string) (err error) {
	if s.object, err = objectAt[object.Semaphores](args[0], "semaphores, sysvsem:KEY or posixsem:NAME"); err != nil {
		return err
	}
	if err := s.timeout.parse(cmd); err != nil {
		return err
	}
	ctx, words := cmd.Context(), args[1:]
	if flag := s.idle(cmd, words); flag != "" {
		return usageError{errors.New(flag + " means nothing here"), cmd.CommandPath()}
	}
	switch {
	case len(words) == 0:
		return showSemaphores(cmd, s.object, s.asJSON)
	case cmd.ArgsLenAtDash() == 1:
		err = s.hold(ctx, words)
	case words[0] == "set":
		err = s.set(words[1:])
	default:
		err = s.operate(ctx, words)
	}
	if bad, is := errors.AsType[operationError](err); is {
		return usageError{bad, cmd.CommandPath()}
	}
	return err
}

// idle is a flag that would be ignored, or "".
func (s *semaphoring) idle(cmd *cobra.Command, words []string) string {
	_, isSet := s.object.(object.SemaphoreSet)
	given, showing, holding := cmd.Flags().Changed, len(words) == 0, cmd.ArgsLenAtDash() == 1
	numbered := !showing && !holding && strings.ContainsAny(words[0], "-+=")
	switch {
	case s.asJSON && !showing:
		return "--json"
	case given("timeout") && (showing || !holding && words[0] == "set"):
		return "--timeout"
	case given("index") && (showing || numbered || !isSet):
		return "--index"
	}
	return ""
}

// An operationError is one that cannot be, whatever the semaphores.
type operationError struct{ error }

func (s *semaphoring) set(words []string) error {
	set, is := s.object.(object.SemaphoreSet)
	if !is {
		return operationError{object.ErrOneAtATime}
	}
	if len(words) != 1 {
		return operationError{errors.New("want set VALUE")}
	}
	value, err := strconv.ParseUint(words[0], 10, 31)
	if err != nil {
		return operationError{fmt.Errorf("set %s: want a VALUE from 0 on", words[0])}
	}
	return s.failed(set.SetValue(int(s.index), int(value)))
}

func (s *semaphoring) operate(ctx context.Context, words []string) error {
	var ops []sem.Op
	for _, word := range words {
		op, err := s.parse(word)
		if err != nil {
			return operationError{err}
		}
		ops = append(ops, op)
	}
	return s.do(ctx, ops...)
}

// parse reads one operation.
func (s *semaphoring) parse(word string) (sem.Op, error) {
	switch word {
	case "wait":
		return sem.Op{Index: s.index, Change: -1}, nil
	case "post":
		return sem.Op{Index: s.index, Change: 1}, nil
	case "zero":
		return sem.Op{Index: s.index}, nil
	}
	at := strings.IndexAny(word, "-+=")
	if at < 0 {
		return sem.Op{}, fmt.Errorf("the operation %q: want wait, post, zero, set VALUE, or I-N, I+N, I=0", word)
	}
	index, err := strconv.ParseUint(word[:at], 10, 16)
	change, bad := strconv.ParseUint(word[at+1:], 10, 64)
	zero := word[at] == '='
	if err != nil || bad != nil || change > math.MaxInt16 || zero != (change == 0) {
		return sem.Op{}, fmt.Errorf("the operation %q: want I-N, I+N or I=0, with N from 1 to %d", word, math.MaxInt16)
	}
	op := sem.Op{Index: uint16(index), Change: int16(change)}
	if word[at] == '-' {
		op.Change = -op.Change
	}
	return op, nil
}

func (s *semaphoring) do(ctx context.Context, ops ...sem.Op) error {
	within, cancel := s.timeout.within(ctx, errLate)
	defer cancel()
	return s.failed(s.object.Do(within, ops...))
}

func (s *semaphoring) failed(err error) error {
	switch {
	case errors.Is(err, object.ErrOneAtATime):
		return operationError{err}
	case errors.Is(err, unix.EFBIG):
		err = fmt.Errorf("%w: there are not so many semaphores in the set", err)
	}
	return s.timeout.judge(about(s.object, err), s.object.Address()+": busy")
}

// hold takes one while a command runs.
func (s *semaphoring) hold(ctx context.Context, command []string) error {
	child := newChild(command)
	if child.Err != nil { // now, rather than after a long wait
		return cannotRun(child.Err)
	}
	if one, is := s.object.(object.NamedSemaphore); is {
		return s.holdNamed(ctx, one, child)
	}
	if err := s.do(ctx, sem.Op{Index: s.index, Change: -1, Flags: sem.Undo}); err != nil {
		return err
	}
	return child.become()
}

func (s *semaphoring) holdNamed(ctx context.Context, one object.NamedSemaphore, child *child) error {
	if s.index != 0 {
		return operationError{object.ErrOneAtATime}
	}
	within, cancel := s.timeout.within(ctx, errLate)
	defer cancel()
	giveBack, err := one.Hold(within)
	if err != nil {
		return s.failed(err)
	}
	err = child.run()
	if given := giveBack(); err == nil {
		err = about(one, given)
	}
	return err
}
