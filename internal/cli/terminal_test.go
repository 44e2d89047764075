package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A terminal is a pseudo-terminal with a shell in it that has job control.
type terminal struct {
	t      *testing.T
	master *os.File
	seen   []byte
}

// openTerminal runs a script with the shell's job control: each of its commands
// is a process group, which the shell puts into the foreground.
func (p *place) openTerminal(script string) *terminal {
	p.t.Helper()
	master, slave := pseudoTerminal(p.t)
	shell := exec.CommandContext(p.t.Context(), "sh", "-m", "-c", script)
	shell.Dir = p.files
	shell.Stdin, shell.Stdout, shell.Stderr = slave, slave, slave
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := shell.Start(); err != nil {
		p.t.Fatal(err)
	}
	_ = slave.Close()
	p.t.Cleanup(func() { _ = shell.Wait() })
	p.t.Cleanup(func() { _ = master.Close() }) // hangs up
	return &terminal{t: p.t, master: master}
}

func pseudoTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func (t *terminal) press(keys string) {
	t.t.Helper()
	if _, err := t.master.WriteString(keys); err != nil {
		t.t.Fatal(err)
	}
}

// see reads on until the pattern has come, and returns its match.
func (t *terminal) see(pattern string) string {
	t.t.Helper()
	wanted := regexp.MustCompile(pattern)
	buffer := make([]byte, 1024)
	for {
		if at := wanted.FindIndex(t.seen); at != nil {
			match := string(t.seen[at[0]:at[1]])
			t.seen = t.seen[at[1]:]
			return match
		}
		n, err := t.master.Read(buffer)
		if err != nil {
			t.t.Fatalf("%v, and no %q in:\n%s", err, pattern, t.seen)
		}
		t.seen = append(t.seen, buffer[:n]...)
	}
}

const ctrlC, ctrlZ = "\x03", "\x1a"

// Ctrl-C reaches CMD once, by the terminal; SIGUSR1 and SIGTERM by kith.
// The SIGUSR1 that kith passes on comes after all that it passed on before.
func TestLockCtrlC(t *testing.T) {
	p := newPlace(t)
	command := strings.Join(sayingSignals(t, "SIGINT", "SIGQUIT", "SIGUSR1", "SIGTERM"), " ")
	terminal := p.openTerminal("kith lock file -- " + command + "; echo ended $?")
	terminal.see("ready")
	kith := processNamed(t, "kith", p.files)
	for _, key := range []string{ctrlC, "\x1c"} {
		terminal.press(key)
		got := terminal.see("SIG(INT|QUIT)")
		sendSignal(t, kith, unix.SIGUSR1)
		if between := terminal.see("(?s).*SIGUSR1"); strings.Contains(between, got) {
			t.Errorf("%s came twice: %q", got, between)
		}
	}
	sendSignal(t, kith, unix.SIGTERM)
	terminal.see("ended 7\r")
}

// Ctrl-Z stops both, and the shell's fg continues both.
func TestLockCtrlZ(t *testing.T) {
	p := newPlace(t)
	terminal := p.openTerminal(`kith lock file -- sh -c "echo ready; exec cat"; echo left $?; read line; fg; echo ended $?`)
	terminal.see("ready")
	command := childOf(t, processNamed(t, "kith", p.files))
	kith := processNamed(t, "kith", p.files)
	terminal.press(ctrlZ)
	terminal.see(fmt.Sprintf("left %d\r", exitSignal+int(syscall.SIGTSTP)))
	awaitState(t, kith, 'T')
	awaitState(t, command, 'T')
	p.wantLock(exitBusy, "(kith) holds it")
	terminal.press("go\r")
	terminal.see("kith lock file") // what fg says
	awaitState(t, kith, 'S')
	awaitState(t, command, 'S')
	terminal.press("still here\r")
	terminal.see("still here\r\nstill here\r")
	terminal.press("\x04")
	terminal.see("ended 0\r")
	p.wantLock(exitDone, "")
}

// CMD that has a process group of its own has nothing from the terminal: kith
// passes Ctrl-C on.
func TestLockCtrlCToAnotherGroup(t *testing.T) {
	command := strings.Join(sayingSignals(t, "SIGINT", "SIGTERM"), " ")
	terminal := newPlace(t).openTerminal("kith lock file -- setsid " + command + "; echo ended $?")
	terminal.see("ready")
	terminal.press(ctrlC)
	terminal.see("SIGINT")
	terminal.press(ctrlC)
	terminal.see("SIGINT")
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
	loud.see(fmt.Sprintf(`kith: waiting for file: process %d \(kith\) holds it\r`, first.Process.Pid))
	loud.press(ctrlC)
	loud.see("kith: interrupted.*\r\nended 130\r")

	first.tell()
	if said := quiet.see("(?s).*ended 0\r"); strings.Contains(said, "waiting") {
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
