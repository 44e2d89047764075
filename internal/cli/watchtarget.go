package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kith/proc"
)

// A target is what an argument names: a PID, or the path of a FIFO or control group.
type target struct {
	pid  int
	path string
	word string // the argument
}

// controlGroups is where they are, of either version (cgroups(7)).
const controlGroups = "/sys/fs/cgroup"

// parse takes the command line apart. What is named twice is watched once.
func (w *watching) parse(cmd *cobra.Command, args []string) error {
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		if args, w.command = args[:dash], args[dash:]; len(w.command) == 0 || w.command[0] == "" {
			return errors.New("want a CMD after --")
		}
	}
	if len(args) == 0 && len(w.command) == 0 && len(w.scripts) == 0 {
		return errors.New("want PIDs, control groups, FIFOs or commands to watch")
	}
	seen := map[target]bool{}
	for _, word := range args {
		t, err := parseTarget(word)
		if err != nil {
			return err
		}
		if key := (target{pid: t.pid, path: t.path}); !seen[key] {
			seen[key] = true
			w.targets = append(w.targets, t)
		}
	}
	return nil
}

func parseTarget(word string) (target, error) {
	switch {
	case word == "":
		return target{}, errors.New("want a PID, a control group or a FIFO, and no empty word")
	case strings.Trim(word, "0123456789") == "":
		pid, err := strconv.ParseUint(word, 10, 31)
		if err != nil || pid == 0 {
			return target{}, fmt.Errorf("no process has the PID %s", word)
		}
		return target{pid: int(pid), word: word}, nil
	case word[0] == '/' || word[0] == '.':
		return target{path: filepath.Clean(word), word: word}, nil
	}
	return target{path: filepath.Join(controlGroups, word), word: word}, nil
}

// begin watches a target from now on.
func (w *watching) begin(t target) error {
	if t.pid != 0 {
		return w.beginProcess(t.pid)
	}
	begin := w.Cgroup
	if info, err := os.Stat(t.path); err == nil && info.Mode().Type() == fs.ModeNamedPipe {
		begin = w.FIFO
	}
	watch, err := begin(t.path)
	if err == nil {
		w.add(watch, &subject{kind: strings.Fields(watch.String())[0]})
	}
	return err
}

// errItself would last for ever: `exec kith watch $$`.
var errItself = errors.New("this is kith itself")

// beginProcess watches the process that has the name, and not another one that got
// its PID in between.
func (w *watching) beginProcess(pid int) error {
	if pid == os.Getpid() {
		return errItself
	}
	id, err := proc.Identify(pid)
	if err != nil { // hidden, it may be (proc(5), hidepid)
		watch, err := w.Process(pid)
		if err == nil {
			w.add(watch, &subject{})
		}
		return err
	}
	s := &subject{name: commandName(pid), start: id.Start}
	watch, err := w.Identified(id)
	if err == nil {
		w.add(watch, s)
	}
	return err
}

// commandName is a process's name, a zombie's too (proc_pid_comm(5)).
func commandName(pid int) string {
	name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return string(bytes.TrimSuffix(name, []byte("\n")))
}

// explain says what can be done about a target that cannot be watched.
func (t target) explain(err error) error {
	switch {
	case errors.Is(err, proc.ErrThread):
		return fmt.Errorf("process %d: %w, %s", t.pid, err, threadOf(t.pid))
	case t.pid != 0:
		return fmt.Errorf("process %d: %w", t.pid, err)
	case errors.Is(err, unix.ENOTDIR):
		return fmt.Errorf("%w: neither a control group nor a FIFO", err)
	case errors.Is(err, fs.ErrNotExist) && !strings.Contains(t.word, "/"):
		return fmt.Errorf("%w; to start and watch a command: kith watch -- %s", err, t.word)
	}
	return err
}

// threadOf says of which process a thread is one (proc_pid_status(5)).
func threadOf(tid int) string {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	for line := range strings.Lines(string(status)) {
		if process, found := strings.CutPrefix(line, "Tgid:"); found {
			return "of process " + strings.TrimSpace(process)
		}
	}
	return "of a process that cannot be seen"
}
