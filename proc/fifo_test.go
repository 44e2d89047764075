package proc_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
	"kith/proc"
)

func made(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "exit")
	remade(t, path)
	return path
}

func remade(t *testing.T, path string) {
	t.Helper()
	if err := fifo.Make(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// holder is a shell that has the FIFO open for writing until it has read a line.
func holder(t *testing.T, path string) *kithtest.Child {
	t.Helper()
	kithtest.Need(t, "sh")
	shell := kithtest.Peer(t, exec.Command("sh", "-c", `exec 3>"$1"; echo open; read line; exit 3`, "sh", path)).Start()
	hear(t, shell, "open")
	return shell
}

// Nobody having come is no end; nor is it, while one of two is left. What is written into
// it is not looked at.
func TestFIFO(t *testing.T) {
	path := made(t)
	w := watcher(t)
	watch := must(t)(w.FIFO(path))
	if watch.Path() != path || watch.PID() != 0 || watch.String() != "fifo "+path {
		t.Errorf("%v", watch)
	}
	quiet(t, w)
	first, second := holder(t, path), holder(t, path)
	if err := exec.Command("sh", "-c", `echo some >"$1"`, "sh", path).Run(); err != nil {
		t.Error(err)
	}
	first.Kill()
	quiet(t, w)
	_ = second.Say("end")
	expect(t, w, watch, proc.HungUp{})
	empty(t, w)
}

// The process is killed; it had become another program; it was there before the watch.
func TestFIFOInherited(t *testing.T) {
	path := made(t)
	w := watcher(t)
	watch := must(t)(w.FIFO(path))
	writer, err := fifo.OpenWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	child := kithtest.Peer(t, exec.Command("sh", "-c", `echo there; exec cat`))
	child.Cmd.ExtraFiles = []*os.File{writer}
	child.Start()
	_ = writer.Close()
	hear(t, child, "there")
	again := must(t)(w.FIFO(path))
	quiet(t, w)
	child.Kill()
	ended := map[*proc.Watch]bool{}
	for range 2 {
		if event, is := next(t, w).(proc.HungUp); is {
			ended[event.Watch()] = true
		}
	}
	if !ended[watch] || !ended[again] {
		t.Errorf("%v have ended", ended)
	}
}

// Programs of other kinds hold it; the one that started them may have gone.
func TestFIFOOfOthers(t *testing.T) {
	for name, command := range map[string][]string{
		"python":     {"/usr/bin/python3", "-c", `import sys; f = open(sys.argv[1], "wb"); print("open", flush=True); sys.stdin.readline()`},
		"grandchild": {"sh", "-c", `exec 4<&0; (exec 3>"$0"; echo open; read line <&4) & exit 0`},
	} {
		t.Run(name, func(t *testing.T) {
			kithtest.Need(t, command[0])
			path := made(t)
			w := watcher(t)
			watch := must(t)(w.FIFO(path))
			child := kithtest.Peer(t, exec.Command(command[0], append(command[1:], path)...)).Start()
			hear(t, child, "open")
			quiet(t, w)
			_ = child.Say("end")
			expect(t, w, watch, proc.HungUp{})
		})
	}
}

// All of a PID namespace end with its first process: here a Go program, whose child
// has opened the FIFO.
func TestFIFOInNamespace(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	path := made(t)
	w := watcher(t)
	watch := must(t)(w.FIFO(path))
	child := kithtest.Command(t, "first", path)
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	child.Start()
	hear(t, child, "open")
	quiet(t, w)
	child.Kill()
	expect(t, w, watch, proc.HungUp{})
}

func first(args []string) error {
	cmd := exec.Command("sh", "-c", `exec 3>"$0"; echo open; sleep 1000`, args[0])
	cmd.Stdout = os.Stdout
	return cmd.Run()
}

// Another FIFO that gets the name is another's.
func TestFIFOReplaced(t *testing.T) {
	path := made(t)
	w := watcher(t)
	old := must(t)(w.FIFO(path))
	holding := holder(t, path)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	remade(t, path)
	now := must(t)(w.FIFO(path))
	other := holder(t, path)
	other.Kill()
	expect(t, w, now, proc.HungUp{})
	quiet(t, w)
	if err := os.Remove(path + ".old"); err != nil {
		t.Fatal(err)
	}
	holding.Kill()
	expect(t, w, old, proc.HungUp{})
	empty(t, w)
}

// The watcher holds no thread, and each watch its own descriptors only.
func TestNoThread(t *testing.T) {
	path := made(t)
	w := watcher(t)
	waiting := kithtest.Go(func() error { _, err := one(t.Context(), w); return err })
	if err := waiting.Parked(); err != nil {
		t.Error(err)
	}
	const watches = 400
	before := kithtest.Hold()
	all := make([]*proc.Watch, 0, 2*watches)
	for range watches {
		all = append(all, must(t)(w.Process(os.Getpid())), must(t)(w.FIFO(path)))
	}
	if now := threads(t); now > 64 {
		t.Errorf("%d threads", now)
	}
	for _, watch := range all {
		watch.Remove()
		watch.Remove()
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	empty(t, w)
	_ = w.Close()
	if err := waiting.Wait(); !isAll(err, os.ErrClosed) {
		t.Error(err)
	}
}

func threads(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// No FIFO of this user can be opened by another, and it is told so.
func TestFIFONotAllowed(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	child := kithtest.Command(t, "not allowed", made(t))
	child.Cmd.SysProcAttr = nobody
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func notAllowed(args []string) error {
	w, err := proc.New()
	if err != nil {
		return err
	}
	defer w.Close()
	_, err = w.FIFO(args[0])
	if !isAll(err, unix.EACCES) || !strings.Contains(err.Error(), args[0]) {
		return fmt.Errorf("not allowed to read: %w", err)
	}
	return nil
}
