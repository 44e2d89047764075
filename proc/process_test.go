package proc_test

import (
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"kith/proc"
)

var ways = []way{
	{"exit", 0}, {"exit", 1}, {"exit", 255},
	{"signal", int(unix.SIGKILL)}, {"signal", int(unix.SIGTERM)}, {"signal", int(unix.SIGSEGV)}, {"signal", 64},
}

// Each way in which a watch may know a child.
func TestChild(t *testing.T) {
	begins := map[string]func(*proc.Watcher, *exec.Cmd) (*proc.Watch, error){
		"Start": func(w *proc.Watcher, cmd *exec.Cmd) (*proc.Watch, error) { return w.Start(cmd) },
		"Process": func(w *proc.Watcher, cmd *exec.Cmd) (*proc.Watch, error) {
			if err := cmd.Start(); err != nil {
				return nil, err
			}
			return w.Process(cmd.Process.Pid)
		},
		"Identified": func(w *proc.Watcher, cmd *exec.Cmd) (*proc.Watch, error) {
			if err := cmd.Start(); err != nil {
				return nil, err
			}
			id, err := proc.Identify(cmd.Process.Pid)
			if err != nil {
				return nil, err
			}
			return w.Identified(id)
		},
	}
	for name, begin := range begins {
		t.Run(name, func(t *testing.T) {
			w := watcher(t)
			for _, y := range ways {
				child := ender(t, y)
				watch := must(t)(begin(w, child.Cmd))
				if watch.PID() != child.Cmd.Process.Pid || watch.String() != "process "+strconv.Itoa(watch.PID()) || watch.Path() != "" {
					t.Errorf("%v", watch)
				}
				_ = child.Say("end")
				exits(t, w, watch, y)
				reaped(t, child.Cmd, y)
			}
		})
	}
}
