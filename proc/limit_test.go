package proc_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/proc"
)

// A process that has too few descriptors is told so, and loses none of its watches.
func TestDescriptorLimit(t *testing.T) {
	test := func(t *testing.T, groups ...string) {
		child := kithtest.Command(t, "limited", append([]string{kithtest.Compile(t, "testdata/end.c"), made(t)}, groups...)...)
		if err := child.Start().Wait(); err != nil {
			t.Error(err)
		}
	}
	t.Run("processes", func(t *testing.T) { test(t) })
	versioned(t, func(t *testing.T, group string, _ ...string) { test(t, group) })
}

// A user who has all instances of inotify is told so.
func TestInotifyLimit(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	group := kithtest.UnifiedGroup(t)
	chmod(t, group, 0o755)
	child := kithtest.Command(t, "many instances", group)
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65533, Gid: 65533}} // who has none else
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func manyInstances(args []string) error {
	w, err := proc.New()
	if err != nil {
		return err
	}
	defer w.Close()
	last := -1
	for fd := 0; err == nil; fd, err = unix.InotifyInit1(unix.IN_CLOEXEC) {
		last = fd
	}
	_, err = w.Cgroup(args[0])
	limit, is := errors.AsType[*ipc.LimitError](err)
	if !is || limit.Limit != "max_user_instances" || !isAll(err, unix.EMFILE) {
		return fmt.Errorf("without an instance: %w", err)
	}
	_ = unix.Close(last)
	watch, err := w.Cgroup(args[0])
	if err == nil {
		watch.Remove()
	}
	return err
}

func limited(args []string) error {
	program, path, groups := args[0], args[1], args[2:]
	gate, open, err := os.Pipe()
	if err != nil {
		return err
	}
	defer open.Close()
	w, err := proc.New()
	if err != nil {
		return err
	}
	defer w.Close()
	before := kithtest.Hold()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 100, Max: 100}); err != nil {
		return err
	}
	begins := map[string]func() (*proc.Watch, error){
		"Process": func() (*proc.Watch, error) { return w.Process(os.Getpid()) },
		"FIFO":    func() (*proc.Watch, error) { return w.FIFO(path) },
		"New": func() (*proc.Watch, error) {
			w, err := proc.New()
			if err == nil {
				return nil, w.Close()
			}
			return nil, err
		},
	}
	for _, group := range groups {
		begins["Cgroup "+group] = func() (*proc.Watch, error) { return w.Cgroup(group) }
	}
	watches, commands := map[*proc.Watch]way{}, []*exec.Cmd{}
	for {
		y := way{"exit", len(watches)}
		cmd := exec.Command(program, y.name, strconv.Itoa(y.number))
		cmd.Stdin = gate
		watch, err := w.Start(cmd)
		if err != nil {
			if err := told(err); err != nil {
				return err
			}
			break
		}
		watches[watch], commands = y, append(commands, cmd)
	}
	if err := fill(w, begins); err != nil {
		return err
	}
	_ = open.Close()
	for range watches {
		event, err := one(forever, w)
		if err != nil {
			return err
		}
		exited, is := event.(proc.Exited)
		if y, ours := watches[event.Watch()]; !is || !ours || y.differs(exited.Status) != "" {
			return fmt.Errorf("%v, want %v", event, y)
		}
	}
	for _, cmd := range commands {
		_ = cmd.Wait()
	}
	for name, begin := range begins {
		watch, err := begin()
		if err != nil {
			return fmt.Errorf("%s, afterwards: %w", name, err)
		}
		if watch != nil {
			watch.Remove()
		}
	}
	return errors.Join(w.Close(), before.Left())
}

// fill tries each of them with every number of descriptors left, from none on.
func fill(w *proc.Watcher, begins map[string]func() (*proc.Watch, error)) error {
	var taken []*os.File
	for {
		null, err := os.Open("/dev/null")
		if err != nil {
			break
		}
		taken = append(taken, null)
	}
	left, before := len(taken), w.Len()
	for range taken {
		for name, begin := range begins {
			watch, err := begin()
			if watch != nil {
				watch.Remove()
			} else if err == nil {
				continue
			} else if err := told(err); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		left--
		_ = taken[left].Close()
	}
	if w.Len() != before {
		return fmt.Errorf("%d watches, where %d were", w.Len(), before)
	}
	return nil
}

// told makes sure that an error names the limit.
func told(err error) error {
	limit, is := errors.AsType[*ipc.LimitError](err)
	if !is || limit.Limit != "RLIMIT_NOFILE" || limit.Max != 100 || !errors.Is(err, unix.EMFILE) {
		return fmt.Errorf("not as a limit: %w", err)
	}
	return nil
}
