package proc_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/proc"
)

// A process ends when its last thread does.
func TestFirstThreadEnds(t *testing.T) {
	w := watcher(t)
	child := kithtest.C(t, "testdata/threads.c", "leader")
	watch := must(t)(w.Start(child.Cmd))
	hear(t, child, "alone")
	quiet(t, w)
	_ = child.Say("end")
	exits(t, w, watch, way{"exit", 7})
}

// quiet makes sure that there is no event now.
func quiet(t *testing.T, w *proc.Watcher) {
	t.Helper()
	if err := none(w); err != nil {
		t.Error(err)
	}
}

// A process stays the same through exec, in whichever thread.
func TestExec(t *testing.T) {
	program := kithtest.Compile(t, "testdata/end.c")
	kithtest.Need(t, "sh")
	for _, before := range [][]string{
		{"sh", "-c", `echo there; read line; exec "$@"`, "sh"},
		{kithtest.Compile(t, "testdata/threads.c"), "exec"},
	} {
		w := watcher(t)
		child := kithtest.Peer(t, exec.Command(before[0], append(before[1:], program, "exit", "5")...))
		watch := must(t)(w.Start(child.Cmd))
		hear(t, child, "there")
		_ = child.Say("")
		quiet(t, w)
		_ = child.Say("end")
		exits(t, w, watch, way{"exit", 5})
	}
}

func TestStoppedAndContinued(t *testing.T) {
	w := watcher(t)
	child := ender(t, way{"exit", 6})
	watch := must(t)(w.Start(child.Cmd))
	for range 3 {
		if err := child.Stop(); err != nil {
			t.Fatal(err)
		}
		quiet(t, w)
		_ = child.Continue()
	}
	_ = child.Say("end")
	exits(t, w, watch, way{"exit", 6})
}

// A child with a debugger that does not let go of it: its parent cannot wait for it yet.
func TestTraced(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	w := watcher(t)
	child := ender(t, way{"exit", 8})
	watch := must(t)(w.Start(child.Cmd))
	tracer := kithtest.C(t, "testdata/trace.c", strconv.Itoa(watch.PID())).Start()
	hear(t, tracer, "traced")
	_ = child.Say("end")
	exits(t, w, watch, way{"exit", 8})
	tracer.Kill()
	reaped(t, child.Cmd, way{"exit", 8})
}

func TestCoreDump(t *testing.T) {
	kithtest.Need(t, "sh")
	w := watcher(t)
	directory := t.TempDir()
	cmd := exec.Command("sh", "-c", `ulimit -c unlimited && kill -ABRT $$`)
	cmd.Dir = directory
	watch := must(t)(w.Start(cmd))
	exited, is := next(t, w).(proc.Exited)
	_ = cmd.Wait()
	if !is || exited.Watch() != watch || exited.Status.Signal() != syscall.SIGABRT {
		t.Fatalf("%v", exited)
	}
	dumped := cmd.ProcessState.Sys().(syscall.WaitStatus).CoreDump() // if the machine lets it
	if exited.Status.CoreDump() != dumped || exited.Status.String() != cmd.ProcessState.String() {
		t.Errorf("%v, os/exec has %v", exited.Status, cmd.ProcessState)
	}
}

// Somebody else may wait for a child before its event is looked at.
func TestWaitedForBefore(t *testing.T) {
	kithtest.NeedKernel(t, "pidfd-status")
	w := watcher(t)
	for _, y := range ways {
		child := ender(t, y)
		watch := must(t)(w.Start(child.Cmd))
		_ = child.Say("end")
		reaped(t, child.Cmd, y)
		exits(t, w, watch, y)
	}
}

// The pidfd of one who was waited for has no PID, but a status, and is nobody's else.
func TestPidfdOfNobody(t *testing.T) {
	kithtest.NeedKernel(t, "pidfd-status")
	w := watcher(t)
	for _, y := range ways {
		child := ender(t, y).Start()
		file := pidfd(t, child.Cmd.Process.Pid, 0)
		_ = child.Say("end")
		reaped(t, child.Cmd, y)
		watch := must(t)(w.Pidfd(file))
		if watch.PID() != 0 {
			t.Errorf("%v", watch)
		}
		exits(t, w, watch, y)
	}
}

// Nobody waits for the children of a process that ignores SIGCHLD.
func TestChildrenIgnored(t *testing.T) {
	kithtest.NeedKernel(t, "pidfd-status")
	child := kithtest.Command(t, "ignorer", kithtest.Compile(t, "testdata/end.c")).Start()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

func ignorer(args []string) error {
	signal.Ignore(syscall.SIGCHLD)
	w, err := proc.New()
	if err != nil {
		return err
	}
	defer w.Close()
	theirs := -1
	for i, y := range append(ways, ways...) {
		cmd := exec.Command(args[0], y.name, strconv.Itoa(y.number))
		if i >= len(ways) { // it is gone when Start looks, and known all the same
			cmd.SysProcAttr = &syscall.SysProcAttr{PidFD: &theirs}
		}
		if _, err := w.Start(cmd); err != nil {
			return err
		}
		event, err := one(forever, w)
		if err != nil {
			return err
		}
		if wrong := y.differs(event.(proc.Exited).Status); wrong != "" {
			return errors.New(wrong)
		}
		if err := cmd.Wait(); !errors.Is(err, unix.ECHILD) {
			return fmt.Errorf("waited for %w, want ECHILD", err)
		}
		_ = unix.Close(theirs) // no descriptor the first time
	}
	return nil
}

// A command that cannot be started, or was, is the same after the call, and leaves nothing.
func TestStartFails(t *testing.T) {
	w := watcher(t)
	if _, err := w.Start(exec.Command("/nonexistent")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := w.Start(&exec.Cmd{Path: "/dev/null"}); !errors.Is(err, unix.EACCES) {
		t.Error(err)
	}
	cmd := exec.Command("true")
	watch := must(t)(w.Start(cmd))
	if _, err := w.Start(cmd); err == nil {
		t.Error("started twice")
	}
	exits(t, w, watch, way{"exit", 0})
	reaped(t, cmd, way{"exit", 0})
}

// The caller has asked for a pidfd, too.
func TestStartWithPidfd(t *testing.T) {
	w := watcher(t)
	theirs := -1
	child := ender(t, way{"exit", 3})
	attr := &syscall.SysProcAttr{PidFD: &theirs, Setpgid: true}
	child.Cmd.SysProcAttr = attr
	watch := must(t)(w.Start(child.Cmd))
	if child.Cmd.SysProcAttr != attr || attr.PidFD != &theirs || theirs < 0 {
		t.Errorf("%v, pidfd %d", child.Cmd.SysProcAttr, theirs)
	}
	_ = child.Say("end")
	exits(t, w, watch, way{"exit", 3})
	if err := unix.PidfdSendSignal(theirs, 0, nil, 0); err != nil {
		t.Error("theirs: ", err)
	}
	_ = unix.Close(theirs)
	_ = child.Wait()
}

// A child that cannot be watched is not left behind.
func TestStartInClosedWatcher(t *testing.T) {
	w := watcher(t)
	_ = w.Close()
	cmd := ender(t, way{"exit", 3}).Cmd
	if _, err := w.Start(cmd); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Errorf("%v", cmd.ProcessState)
	}
}
