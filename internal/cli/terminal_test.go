package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

// openTerminal runs a script with the shell's job control: each of its commands
// is a process group, which the shell puts into the foreground.
func (p *place) openTerminal(script string) *kithtest.Terminal {
	p.t.Helper()
	shell := exec.CommandContext(p.t.Context(), "sh", "-m", "-c", script)
	shell.Dir = p.files
	return kithtest.InTerminal(p.t, shell)
}

const ctrlC, ctrlZ = "\x03", "\x1a"

// Ctrl-C reaches CMD once, by the terminal; SIGUSR1 and SIGTERM by kith.
// The SIGUSR1 that kith passes on comes after all that it passed on before.
func TestLockCtrlC(t *testing.T) {
	p := newPlace(t)
	command := strings.Join(sayingSignals(t, "SIGINT", "SIGQUIT", "SIGUSR1", "SIGTERM"), " ")
	terminal := p.openTerminal("kith lock file -- " + command + "; echo ended $?")
	terminal.See("ready")
	kith := processNamed(t, "kith", p.files)
	for _, key := range []string{ctrlC, "\x1c"} {
		terminal.Press(key)
		got := terminal.See("SIG(INT|QUIT)")
		sendSignal(t, kith, unix.SIGUSR1)
		if between := terminal.See("(?s).*SIGUSR1"); strings.Contains(between, got) {
			t.Errorf("%s came twice: %q", got, between)
		}
	}
	sendSignal(t, kith, unix.SIGTERM)
	terminal.See("ended 7\r")
}

// Ctrl-Z stops both, and the shell's fg continues both.
func TestLockCtrlZ(t *testing.T) {
	p := newPlace(t)
	terminal := p.openTerminal(`kith lock file -- sh -c "echo ready; exec cat"; echo left $?; read line; fg; echo ended $?`)
	terminal.See("ready")
	command := childOf(t, processNamed(t, "kith", p.files))
	kith := processNamed(t, "kith", p.files)
	terminal.Press(ctrlZ)
	terminal.See(fmt.Sprintf("left %d\r", exitSignal+int(syscall.SIGTSTP)))
	awaitState(t, kith, 'T')
	awaitState(t, command, 'T')
	p.wantLock(exitBusy, "(kith) holds it")
	terminal.Press("go\r")
	terminal.See("kith lock file") // what fg says
	awaitState(t, kith, 'S')
	awaitState(t, command, 'S')
	terminal.Press("still here\r")
	terminal.See("still here\r\nstill here\r")
	terminal.Press("\x04")
	terminal.See("ended 0\r")
	p.wantLock(exitDone, "")
}

// CMD that has a process group of its own has nothing from the terminal: kith
// passes Ctrl-C on.
func TestLockCtrlCToAnotherGroup(t *testing.T) {
	command := strings.Join(sayingSignals(t, "SIGINT", "SIGTERM"), " ")
	terminal := newPlace(t).openTerminal("kith lock file -- setsid " + command + "; echo ended $?")
	terminal.See("ready")
	terminal.Press(ctrlC)
	terminal.See("SIGINT")
	terminal.Press(ctrlC)
	terminal.See("SIGINT")
}

// Whoever waits in front of a terminal is told for whom, unless they do not want
// to know. Ctrl-C ends the wait.
func TestLockSaysForWhomItWaits(t *testing.T) {
	p := newPlace(t)
	first := p.hold()
	piped := p.start(lockArgs(nil, []string{"true"}))
	quiet := p.openTerminal("kith lock -q file -- true; echo ended $?")
	p.awaitWaiters(2)
	loud := p.openTerminal("kith lock file -- true; echo ended $?")
	loud.See(fmt.Sprintf(`kith: waiting for file: process %d \(kith\) holds it\r`, first.Process.Pid))
	loud.Press(ctrlC)
	loud.See("kith: interrupted.*\r\nended 130\r")

	first.tell()
	if said := quiet.See("(?s).*ended 0\r"); strings.Contains(said, "waiting") {
		t.Errorf("with -q it said %q", said)
	}
	if piped.expect(exitDone, ""); piped.stderr() != "" {
		t.Errorf("without a terminal it said %q", piped.stderr())
	}
}

func sendSignal(t *testing.T, pid int, s unix.Signal) {
	t.Helper()
	if err := unix.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// processNamed waits for a process of that name in that directory.
func processNamed(t *testing.T, name, directory string) int {
	t.Helper()
	for range time.Tick(time.Millisecond) {
		all, _ := filepath.Glob("/proc/[0-9]*/comm")
		for _, comm := range all {
			text, _ := os.ReadFile(comm)
			where, _ := os.Readlink(filepath.Join(filepath.Dir(comm), "cwd"))
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(comm))); err == nil && string(text) == name+"\n" && where == directory {
				return pid
			}
		}
	}
	return 0
}

// childOf waits for the process's child to run a program of its own.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	ours, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	for range time.Tick(time.Millisecond) {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		for _, file := range files {
			text, _ := os.ReadFile(file)
			child, err := strconv.Atoi(strings.TrimSpace(string(text)))
			program, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", child))
			if err == nil && program != "" && program != ours {
				return child
			}
		}
	}
	return 0
}

// awaitState waits until the process is in a state of proc_pid_stat(5).
func awaitState(t *testing.T, pid int, state byte) {
	t.Helper()
	for range time.Tick(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		if end := bytes.LastIndex(stat, []byte(") ")); stat[end+2] == state {
			return
		}
	}
}
