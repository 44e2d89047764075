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

// A foster is a process of Python's that has children, who end when gate is closed.
type foster struct {
	*kithtest.Child
	gate *os.File
}

func newFoster(t *testing.T) *foster {
	t.Helper()
	gate, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	child := kithtest.Python(t, "testdata/parent.py")
	child.Cmd.ExtraFiles = []*os.File{gate}
	child.Start()
	_ = gate.Close()
	t.Cleanup(func() { _ = writer.Close() })
	return &foster{child, writer}
}

// spawn is the PID of a new child that ends so.
func (f *foster) spawn(t *testing.T, y way) int {
	t.Helper()
	return f.number(t, fmt.Sprintf("spawn %s %s", kithtest.Compile(t, "testdata/end.c"), y))
}

// reap is what Python has the status of its child for.
func (f *foster) reap(t *testing.T, pid int) int {
	t.Helper()
	return f.number(t, fmt.Sprintf("reap %d", pid))
}

func (f *foster) number(t *testing.T, order string) int {
	t.Helper()
	return heard(t, f.Child, func() { _ = f.Say(order) })
}

// heard is a number that a child says.
func heard(t *testing.T, c *kithtest.Child, after func()) int {
	t.Helper()
	after()
	line, err := c.Hear()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// python is how Python says it.
func (y way) python() int {
	if y.name == "exit" {
		return y.number
	}
	return -y.number
}

// Children of another process, which has not waited for them: zombies.
func TestZombies(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	f := newFoster(t)
	w, later := watcher(t), watcher(t)
	watches, pids := map[*proc.Watch]way{}, map[int]way{}
	for _, y := range ways {
		pid := f.spawn(t, y)
		pids[pid], watches[must(t)(w.Process(pid))] = y, y
	}
	_ = f.gate.Close()
	for range ways {
		exited, is := next(t, w).(proc.Exited)
		if !is || watches[exited.Watch()].differs(exited.Status) != "" {
			t.Errorf("%v, want %v", exited, watches[exited.Watch()])
		}
		again := must(t)(later.Process(exited.Watch().PID())) // of what is a zombie already
		exits(t, later, again, watches[exited.Watch()])
	}
	for pid, y := range pids {
		if status := f.reap(t, pid); status != y.python() {
			t.Errorf("process %d is taken for %d, want %v", pid, status, y)
		}
		if _, err := w.Process(pid); !isAll(err, proc.ErrNoProcess, unix.ESRCH) {
			t.Errorf("a process that was waited for: %v", err)
		}
	}
}

// A shell's child, which the shell waits for at once.
func TestShell(t *testing.T) {
	kithtest.NeedKernel(t, "pidfd-status")
	kithtest.Need(t, "sh")
	program := kithtest.Compile(t, "testdata/end.c")
	w := watcher(t)
	for _, y := range ways {
		shell := kithtest.Peer(t, exec.Command("sh", "-c", `exec 3<&0; "$@" <&3 & echo $!; wait; echo waited`, "sh", program, y.name, strconv.Itoa(y.number))).Start()
		pid := heard(t, shell, func() {})
		child, parent := must(t)(w.Process(pid)), must(t)(w.Process(shell.Cmd.Process.Pid))
		_ = shell.Say("end")
		if line, err := shell.Hear(); line != "waited" {
			t.Errorf("%q, %v", line, err)
		}
		for range 2 {
			exited, is := next(t, w).(proc.Exited)
			want := map[*proc.Watch]way{child: y, parent: {"exit", 0}}[exited.Watch()]
			if !is || want.differs(exited.Status) != "" {
				t.Errorf("%v, want %v", exited, want)
			}
		}
	}
}

// nobody may not look into the processes of others.
var nobody = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}

// Who may not look into a process is told its status when it was waited for.
func TestUnprivileged(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	kithtest.NeedKernel(t, "pidfd-status")
	f := newFoster(t)
	pid := f.spawn(t, way{"exit", 42})
	child := kithtest.Command(t, "stranger", strconv.Itoa(pid))
	child.Cmd.SysProcAttr = nobody
	child.Start()
	hear(t, child, "watching")
	_ = f.gate.Close()
	hear(t, child, fmt.Sprintf("process %d: ended, nobody has waited for it", pid))
	hear(t, child, "no more yet")
	if status := f.reap(t, pid); status != 42 {
		t.Errorf("%d", status)
	}
	hear(t, child, fmt.Sprintf("process %d: exit status 42", pid))
	hear(t, child, "no more yet")
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

// stranger says the events of a process, and between them, that there is none.
func stranger(args []string) error {
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	w, err := proc.New()
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := w.Process(pid); err != nil {
		return err
	}
	kithtest.Say("watching")
	for w.Len() > 0 {
		event, err := one(forever, w)
		if err != nil {
			return err
		}
		kithtest.Say(event.String())
		if err := none(w); err != nil {
			return err
		}
		kithtest.Say("no more yet")
	}
	return nil
}

// none makes sure that there is no event now: none has come before that of another process.
func none(w *proc.Watcher) error {
	other := exec.Command("true")
	watch, err := w.Start(other)
	if err != nil {
		return err
	}
	event, err := one(forever, w)
	if err == nil && event.Watch() != watch {
		err = fmt.Errorf("%v has come", event)
	}
	return errors.Join(err, other.Wait())
}

// passed says the events of the process whose pidfd it has inherited.
func passed(args []string) error {
	if len(args) > 0 {
		if err := freshProc(); err != nil {
			return err
		}
	}
	return tell(func(w *proc.Watcher) (*proc.Watch, error) { return w.Pidfd(os.NewFile(3, "inherited")) })
}

// tell says the events of a watch.
func tell(begin func(*proc.Watcher) (*proc.Watch, error)) error {
	w, err := proc.New()
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := begin(w); err != nil {
		return err
	}
	kithtest.Say("watching")
	for event, err := range w.Events(forever) {
		if err != nil {
			return err
		}
		kithtest.Say(event.String())
		if w.Len() == 0 {
			break
		}
	}
	return nil
}

func hear(t *testing.T, c *kithtest.Child, want string) {
	t.Helper()
	if line, err := c.Hear(); line != want {
		t.Fatalf("%q, %v, want %q", line, err, want)
	}
}

// pidfd is one of a process.
func pidfd(t *testing.T, pid, flags int) *os.File {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, flags)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "pidfd")
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// A pidfd that was passed into a PID namespace from which its process is not to be seen.
func TestPidfdPassed(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	kithtest.NeedKernel(t, "pidfd-status")
	for name, flags := range map[string]uintptr{"same": 0, "another": syscall.CLONE_NEWPID | syscall.CLONE_NEWNS} {
		t.Run(name+" namespace", func(t *testing.T) {
			ending := ender(t, way{"exit", 42}).Start()
			child := kithtest.Command(t, "passed")
			child.Cmd.ExtraFiles = []*os.File{pidfd(t, ending.Cmd.Process.Pid, 0)}
			child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
			want := fmt.Sprintf("process %d: exit status 42", ending.Cmd.Process.Pid)
			if flags != 0 {
				want = "process 0: status unknown"
				child.Cmd.Args = append(child.Cmd.Args, "mount")
			}
			child.Start()
			hear(t, child, "watching")
			_ = ending.Say("end")
			hear(t, child, want)
			_ = ending.Wait()
			if err := child.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A child in a PID namespace of its own, and a descendant of it that ends with it.
func TestNamespace(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	w := watcher(t)
	child := ender(t, way{"exit", 5})
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	watch := must(t)(w.Start(child.Cmd))
	if flags := child.Cmd.SysProcAttr; flags.PidFD != nil {
		t.Error("the command is another by now")
	}
	_ = child.Say("end")
	exits(t, w, watch, way{"exit", 5})
	_ = child.Wait()
}
