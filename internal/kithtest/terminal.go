package kithtest

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Terminal is a pseudo-terminal in which a program runs: its keyboard and its screen.
type Terminal struct {
	t    testing.TB
	keys *os.File
	seen []byte
}

// InTerminal starts the command in a terminal and a session of its own: the terminal is
// its standard streams. The test's end hangs up, and waits for it.
func InTerminal(t testing.TB, cmd *exec.Cmd) *Terminal {
	t.Helper()
	keys, terminal := OpenTerminal(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = terminal.Close()
	t.Cleanup(func() { _ = cmd.Wait() })
	t.Cleanup(func() { _ = keys.Close() }) // hangs up
	return &Terminal{t: t, keys: keys}
}

// OpenTerminal makes a pseudo-terminal (pty(7)): what is written to the second appears
// at the first, and the other way round. The caller closes both.
func OpenTerminal(t testing.TB) (keys, terminal *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unlocked(keys)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return keys, terminal
}

// unlocked is the number of a terminal which may be opened now. It asks by
// SyscallConn, as File.Fd would make the file's reads hold a thread.
func unlocked(keys *os.File) (number int, err error) {
	raw, err := keys.SyscallConn()
	if err != nil {
		return 0, err
	}
	asking := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if asking != nil {
		return 0, asking
	}
	return number, err
}

// Press types.
func (t *Terminal) Press(keys string) {
	t.t.Helper()
	if _, err := t.keys.WriteString(keys); err != nil {
		t.t.Fatal(err)
	}
}

// See reads on until the pattern has come, and returns its match.
func (t *Terminal) See(pattern string) string {
	t.t.Helper()
	wanted := regexp.MustCompile(pattern)
	buffer := make([]byte, 1024)
	_ = t.keys.SetReadDeadline(time.Now().Add(3 * settleTime)) // a failure, not a hang
	for {
		if at := wanted.FindIndex(t.seen); at != nil {
			match := string(t.seen[at[0]:at[1]])
			t.seen = t.seen[at[1]:]
			return match
		}
		n, err := t.keys.Read(buffer)
		if err != nil {
			t.t.Fatalf("%v, and no %q in:\n%s", err, pattern, t.seen)
		}
		t.seen = append(t.seen, buffer[:n]...)
	}
}
