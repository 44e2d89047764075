package cli

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

// Who only watches leaves the process alone.
func TestWatchInterrupted(t *testing.T) {
	for s, status := range map[syscall.Signal]int{syscall.SIGHUP: exitSignal + 1, syscall.SIGINT: exitINT, syscall.SIGTERM: exitTERM} {
		p := newPlace(t)
		peer := p.watched("exit:0")
		w := p.watch(peer.pids)
		w.signal(s)
		w.end(status, "kith: interrupted")
		for pid, end := range peer.endAll() {
			if end != 0 {
				t.Errorf("process %d has ended by %#x", pid, end)
			}
		}
	}
}

// Each command has each signal, and kith goes on until they have ended.
func TestWatchPassesSignals(t *testing.T) {
	p := newPlace(t)
	names := []string{"SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTERM"}
	command := strings.Join(sayingSignals(t, names...), " ")
	peer := p.watched("exit:0")
	w := p.startWatch(append(peer.pids, "-c", "exec "+command, "-c", "exec "+command))
	for range 2 {
		w.wantSaid("ready")
	}
	for _, name := range names {
		w.signal(unix.SignalNum(name))
		w.wantSaid(name)
		if name != "SIGTERM" {
			w.wantSaid(name)
		}
	}
	var statuses, said int
	for range 3 {
		line := w.read()
		if line == "SIGTERM\n" {
			said++
		} else if l := parseLine(t, line); l.Status != nil && *l.Status == 7 && strings.HasSuffix(l.Name, "SIGTERM") {
			statuses++
		}
	}
	if statuses != 2 || said != 1 {
		t.Errorf("%d commands ended with status 7, want 2; %d said SIGTERM, want one more", statuses, said)
	}
	w.end(exitSignal+int(unix.SIGHUP), "kith: interrupted")
	peer.endAll()
}

func (w *watch) wantSaid(want string) {
	w.t.Helper()
	if line := w.read(); line != want+"\n" {
		w.t.Fatalf("said %q, want %q", line, want)
	}
}

// One command alone may make of a signal what it likes: its status counts.
func TestWatchSignalToOne(t *testing.T) {
	p := newPlace(t)
	w := p.startWatch(append([]string{"--"}, sayingSignals(t, "SIGINT", "SIGTERM")...))
	w.wantSaid("ready")
	w.signal(unix.SIGINT)
	w.wantSaid("SIGINT")
	w.signal(unix.SIGTERM)
	w.wantSaid("SIGTERM")
	if l := w.hear(); *l.Status != 7 {
		t.Errorf("%+v, want status 7", l)
	}
	w.end(7, "")
}

// When the time is up, or nobody reads the lines any more, commands get SIGTERM, and others
// nothing.
func TestWatchGivesUp(t *testing.T) {
	p := newPlace(t)
	peer := p.watched("exit:0", "kill:0")
	w := p.startWatch(append(peer.pids, "--timeout", "100ms", "-c", "exec sleep 1000"))
	w.end(exitBusy, fmt.Sprintf("kith: process %s (watched.c.exe) and 2 more had not ended after 100ms; wait longer with --timeout\n", peer.pids[0]))

	w = p.startWatch([]string{"--timeout", "100ms", peer.pids[0]})
	w.end(exitBusy, fmt.Sprintf("kith: process %s (watched.c.exe) had not ended after 100ms;", peer.pids[0]))

	if err := unix.Mkfifo(p.path("said"), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := os.OpenFile(p.path("said"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	lines := bufio.NewScanner(said)
	w = p.startWatch(append(peer.pids, "-c", "exec "+strings.Join(sayingSignals(t, "SIGTERM"), " ")+" >said"))
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatal(lines.Text(), lines.Err())
	}
	_ = w.reader.Close()
	victim, _ := strconv.Atoi(peer.pids[1])
	sendSignal(t, victim, unix.SIGKILL)
	w.expect(exitWatchFailed, "kith: write standard output: nobody reads it any more")
	if !lines.Scan() || lines.Text() != "SIGTERM" {
		t.Error(lines.Text(), lines.Err())
	}
	for pid, end := range peer.endAll() {
		if pid != victim && end != 0 {
			t.Errorf("process %d has ended by %#x", pid, end)
		}
	}
}

// Ctrl-C reaches commands once, by the terminal, and ends kith with them.
func TestWatchCtrlC(t *testing.T) {
	p := newPlace(t)
	command := strings.Join(sayingSignals(t, "SIGINT", "SIGUSR1", "SIGTERM"), " ")
	terminal := p.openTerminal("kith watch $$ -- " + command + "; echo ended $?")
	terminal.See("ready")
	kith := processNamed(t, "kith", p.files)
	terminal.Press(ctrlC)
	terminal.See("SIGINT")
	sendSignal(t, kith, unix.SIGUSR1)
	if between := terminal.See("(?s).*SIGUSR1"); strings.Contains(between, "SIGINT") {
		t.Errorf("SIGINT came twice: %q", between)
	}
	sendSignal(t, kith, unix.SIGTERM)
	terminal.See(`: exit status 7, after .*\r\nkith: interrupted \(interrupt\)\r\nended 130\r`)

	terminal = p.openTerminal("kith watch -c 'echo ready; exec sleep 1000' -c 'echo ready; exec sleep 1000'; echo ended $?")
	terminal.See("(?s)ready.*ready")
	terminal.Press(ctrlC)
	terminal.See(`(?s)killed by SIGINT.*killed by SIGINT.*\r\nended 1\r`)

	terminal = p.openTerminal("kith watch $$ -- true; echo ended $?")
	terminal.See("exit status 0, after")
	terminal.Press(ctrlC)
	terminal.See(`kith: interrupted \(interrupt\)\r\nended 130\r`)
}

// Ctrl-Z stops kith and its command, and what ends meanwhile is told with fg.
func TestWatchCtrlZ(t *testing.T) {
	p := newPlace(t)
	peer := p.watched("exit:0")
	terminal := p.openTerminal("kith watch " + peer.pids[0] + ` -- sh -c "echo ready; exec cat"; echo left $?; read line; fg; echo ended $?`)
	terminal.See("ready")
	kith := processNamed(t, "kith", p.files)
	command := childOf(t, kith)
	terminal.Press(ctrlZ)
	terminal.See(fmt.Sprintf("left %d\r", exitSignal+int(syscall.SIGTSTP)))
	awaitState(t, kith, 'T')
	awaitState(t, command, 'T')
	peer.endAll()
	terminal.Press("go\r")
	terminal.See(`process ` + peer.pids[0] + ` \(watched.c.exe\): exit status 0, after`)
	terminal.Press("\x04")
	terminal.See(`process \d+ \(sh -c echo ready; exec cat\): exit status 0, after .*\r\nended 0\r`)
}

// In a PID namespace of its own kith has /proc of another one, whose PIDs mean others.
func TestWatchInNamespace(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	w := newPlace(t).startWatch([]string{"-c", "echo $$; exit 7"}, inNamespace)
	pid := w.read()
	if l := w.hear(); l.Name != "echo $$; exit 7" || fmt.Sprintln(l.PID) != pid || *l.Status != 7 || l.Seconds != nil {
		t.Errorf("%+v, want status 7 of process %s", l, pid)
	}
	w.end(7, "")
}

func inNamespace(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID} }

// Where /proc does not show a process, it is watched without its name.
func TestWatchHidden(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	script := `mkfifo go; (read line <go; exit 7) & kith watch --json $! -- sh -c 'echo >go'; echo $?`
	sh := exec.Command("sh", "-c", script)
	sh.Dir = t.TempDir()
	inNamespace(sh)
	shell := kithtest.Peer(t, sh).Start()
	for range 2 {
		line, _ := shell.Hear()
		if l := parseLine(t, line); l.Name == "" && *l.Status != 7 || l.Name != "" && *l.Status != 0 || l.Seconds != nil {
			t.Errorf("%+v, want status 7 of one without a name, or the end of the command", l)
		}
	}
	hearLine(t, shell, "1")
}

func hearLine(t *testing.T, peer *kithtest.Child, want string) {
	t.Helper()
	if line, err := peer.Hear(); line != want {
		t.Errorf("said %q, %v, want %q", line, err, want)
	}
}

// From outside, a process in a PID namespace has a PID like others. It is killed with that
// namespace's first.
func TestWatchNamespace(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	p := newPlace(t)
	shell := kithtest.Peer(t, exec.Command("sh", "-c", "sleep 1000 & sh -c 'exit 7'; echo $$; read line"))
	inNamespace(shell.Cmd)
	hearLine(t, shell.Start(), "1")
	pid := childOf(t, shell.Cmd.Process.Pid)
	w := p.watch([]string{strconv.Itoa(pid)})
	shell.Kill()
	if l := w.hear(); l.PID != pid || l.Name != "sleep" || l.Signal != "SIGKILL" {
		t.Errorf("%+v, want that process %d was killed", l, pid)
	}
	w.end(exitEndedBadly, "")
}
