package examples

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	_ "kith/sock" // for the test cache
)

func TestChat(t *testing.T) {
	readSources(t, "chat")
	p := build(t, "chat")
	for name, test := range map[string]func(*testing.T, *program){
		"Talk":           chatTalk,
		"Ends":           chatEnds,
		"Files":          chatFiles,
		"Python":         chatPython,
		"HalfClosed":     chatHalfClosed,
		"Idle":           chatIdle,
		"Unread":         chatUnread,
		"Meets":          chatMeets,
		"LeavesTerminal": chatLeavesTerminal,
	} {
		t.Run(name, func(t *testing.T) { test(t, p.in(t)) })
	}
}

// afterChat is a shell that waits for a line, as the user's does, when the chat has ended.
const afterChat = `trap : INT; "$0" "$1" "$2"; echo "ended $?"; read -r line; echo "then: $line"; read -r wait`

// chatter is a chat in a terminal of its own.
func (p *program) chatter(command string) *kithtest.Terminal {
	p.t.Helper()
	kithtest.Need(p.t, "sh")
	return kithtest.InTerminal(p.t, exec.Command("sh", "-c", afterChat, p.binary, command, p.file))
}

// two chat with each other, whose processes are those.
func (p *program) two() (a, b *kithtest.Terminal, pidA, pidB int) {
	p.t.Helper()
	a = p.chatter("answer")
	a.See("waiting at " + p.file)
	b = p.chatter("call")
	pidA, pidB = peerOf(p.t, b), peerOf(p.t, a)
	return a, b, pidA, pidB
}

// peerOf is the process whom the terminal is told is there.
func peerOf(t *testing.T, terminal *kithtest.Terminal) int {
	t.Helper()
	words := strings.Fields(terminal.See(`process \d+ of user \d+ is there`))
	if words[4] != strconv.Itoa(os.Geteuid()) {
		t.Errorf("%q", words)
	}
	pid, err := strconv.Atoi(words[1])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

const (
	ctrlC, ctrlD, ctrlR = "\x03", "\x04", "\x12"
)

// Each sees what the other types, while it types itself. What is half typed is sent when
// it is finished, whole, and Ctrl-R shows it.
func chatTalk(t *testing.T, p *program) {
	a, b, _, _ := p.two()
	a.Press("hello\r")
	b.See("> hello\r\n")
	b.Press("hello yourself, ")
	a.Press("are you there?\r")
	b.See("> are you there\\?\r\n")
	b.Press(ctrlR)
	b.See(`\^R\r\nhello yourself, `)
	b.Press("A\r")
	a.See("> hello yourself, A\r\n")
	for i := range 20 {
		from, to := a, b
		if i%2 == 0 {
			from, to = b, a
		}
		from.Press(fmt.Sprintf("ünïcode %d\r", i))
		to.See(fmt.Sprintf("> ünïcode %d\r\n", i))
	}
	a.Press("bye\r" + ctrlD)
	b.See("> bye\r\nended 0\r\n")
	a.See("ended 0\r\n")
	p.wantLeft()
}

// However one side ends, the other does, and what was half typed is not the shell's.
func chatEnds(t *testing.T, p *program) {
	ends := map[string]func(a *kithtest.Terminal, pid int) error{
		"ctrl-d":  func(a *kithtest.Terminal, _ int) error { a.Press(ctrlD); return nil },
		"ctrl-c":  func(a *kithtest.Terminal, _ int) error { a.Press(ctrlC); return nil },
		"SIGTERM": func(_ *kithtest.Terminal, pid int) error { return unix.Kill(pid, unix.SIGTERM) },
		"SIGKILL": func(_ *kithtest.Terminal, pid int) error { return unix.Kill(pid, unix.SIGKILL) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			p := p.in(t)
			a, b, pid, _ := p.two()
			b.Press("one\rrm -rf")
			b.See("rm -rf") // the echo
			a.See("> one\r\n")
			if err := end(a, pid); err != nil {
				t.Fatal(err)
			}
			b.See("ended 0\r\n")
			b.Press("nothing\r")
			b.See("then: nothing\r\n")
			if name == "SIGKILL" {
				a.See("ended 137\r\n")
				return
			}
			a.See("ended 0\r\n")
			p.wantLeft()
		})
	}
}

func chatMeets(t *testing.T, p *program) {
	if line, err := p.run("call"); err == nil || line != "" {
		t.Errorf("nobody is there: %q, %v", line, err)
	}
	for range 2 { // the second after a killed one
		killed := p.piped(t, "answer", nil)
		hear(t, killed, "waiting at "+p.file)
		if line, err := p.run("answer"); err == nil || line != "" {
			t.Errorf("two wait: %q, %v", line, err)
		}
		killed.Kill()
	}
	if err := os.Remove(p.file); err != nil {
		t.Errorf("the killed one's socket: %v", err)
	}
	if err := os.WriteFile(p.file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if line, err := p.run("answer"); err == nil || line != "" {
		t.Errorf("in place of a file: %q, %v", line, err)
	}
	if text, err := os.ReadFile(p.file); string(text) != "kept" {
		t.Errorf("%q, %v", text, err)
	}
	if err := os.Remove(p.file); err != nil {
		t.Fatal(err)
	}
	answer := p.piped(t, "answer", nil)
	hear(t, answer, "waiting at "+p.file)
	if info, err := os.Lstat(p.file); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	interrupt(t, answer)
	p.wantLeft()
}

// The terminal is as it was: what it has from others, others have from it.
func chatLeavesTerminal(t *testing.T, p *program) {
	keys, terminal := kithtest.OpenTerminal(t)
	defer keys.Close()
	defer terminal.Close()
	answer := p.piped(t, "answer", terminal)
	hear(t, answer, "waiting at "+p.file)
	call := p.piped(t, "call", nil)
	if _, err := keys.WriteString("hello\r"); err != nil {
		t.Fatal(err)
	}
	if line, err := call.Hear(); err != nil {
		t.Fatal(line, err)
	}
	hear(t, call, "> hello")
	flags, err := unix.FcntlInt(terminal.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&syscall.O_NONBLOCK != 0 {
		t.Errorf("flags %x, %v", flags, err)
	}
	call.Kill()
	if err := answer.Wait(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(keys.Close(), terminal.Close()); err != nil {
		t.Error(err)
	}
}
