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
	"kith/proc"
)

// fewPIDs is the smallest pid_max: 300 are reserved, and used but once.
const fewPIDs = 512

// Every PID is used again and again: in a PID namespace with few of them.
func TestStormWithPIDsReused(t *testing.T) {
	kithtest.NeedKernel(t, "pid-max-namespace")
	program := kithtest.Compile(t, "testdata/end.c")
	for _, by := range []string{"pidfd", "PID", "FIFO"} {
		t.Run(by, func(t *testing.T) {
			child := kithtest.Command(t, "reuse", by, program, t.TempDir(), strconv.Itoa(processes(t)))
			child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
			if err := child.Start().Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// reuse is the storm in the namespace, of which this process is the first.
func reuse(args []string) error {
	by, program, directory := args[0], args[1], args[2]
	processes, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	if err := freshPIDs(); err != nil {
		return err
	}
	before := kithtest.Hold(directory)
	pids := map[int]int{}
	begin := map[string]func(*proc.Watcher, *exec.Cmd, int) (*proc.Watch, error){"pidfd": byPidfd, "PID": byPID, "FIFO": byFIFO(directory)}[by]
	s := storm{program: program, processes: processes, alive: 100, begin: func(w *proc.Watcher, cmd *exec.Cmd, i int) (*proc.Watch, error) {
		watch, err := begin(w, cmd, i)
		if err == nil {
			pids[cmd.Process.Pid]++
		}
		return watch, err
	}}
	if err := errors.Join(s.run(), before.Left()); err != nil {
		return err
	}
	if len(pids) > fewPIDs {
		return fmt.Errorf("%d PIDs were used", len(pids))
	}
	return nil
}

// freshPIDs leaves few of them to the namespace.
func freshPIDs() error {
	if err := freshProc(); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/kernel/pid_max", []byte(strconv.Itoa(fewPIDs)), 0)
}

// freshProc mounts the namespace's own /proc.
func freshProc() error {
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("proc", "/proc", "proc", 0, "")
}
