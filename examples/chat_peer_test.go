package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kith/internal/kithtest"
)

// Both sides send a book at once, from files, pipes or nothing at all.
func chatFiles(t *testing.T, p *program) {
	book, letter := pages(60_000), pages(100)
	null := func(*testing.T, string) *os.File { return open(t, "/dev/null") }
	for _, way := range []struct {
		name                string
		answer, call        func(t *testing.T, path string) *os.File
		answerText, calling string
	}{
		{"files", asFile, asFile, book, letter},
		{"pipes", asPipe, asPipe, letter, book},
		{"file and pipe", asFile, asPipe, book, book},
		{"pipe and nothing", asPipe, null, book, ""},
		{"nothing and file", null, asFile, "", book},
		{"nothing", null, null, "", ""},
	} {
		t.Run(way.name, func(t *testing.T) {
			answer := p.piped(t, "answer", way.answer(t, way.answerText))
			hear(t, answer, "waiting at "+p.file)
			call := p.piped(t, "call", way.call(t, way.calling))
			said := kithtest.Go(func() error { wantText(t, call, quoted(way.answerText)); return nil })
			wantText(t, answer, quoted(way.calling))
			_ = said.Wait()
		})
	}
}

// pages is so many lines, and one without an end.
func pages(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "line %d of a letter that is not short\n", i)
	}
	return text.String() + "yours"
}

func quoted(text string) string {
	var all strings.Builder
	for line := range strings.Lines(text) {
		fmt.Fprintf(&all, "> %s\n", strings.TrimSuffix(line, "\n"))
	}
	return all.String()
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func asFile(t *testing.T, text string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func asPipe(t *testing.T, text string) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	go func() {
		_, _ = w.WriteString(text)
		_ = w.Close()
	}()
	return r
}

// piped is a chat without a terminal, which says all on its stdout.
func (p *program) piped(t *testing.T, command string, stdin *os.File) *kithtest.Child {
	t.Helper()
	child := kithtest.Peer(t, exec.Command("sh", "-c", `exec "$0" "$1" "$2" 2>&1`, p.binary, command, p.file))
	if stdin != nil {
		child.Cmd.Stdin = stdin
	}
	return child.Start()
}

// wantText hears who is there, and then what the other side says, to its end.
func wantText(t *testing.T, child *kithtest.Child, want string) {
	t.Helper()
	if line, err := child.Hear(); !strings.HasSuffix(line, "is there; Ctrl-D ends") {
		t.Errorf("%q, %v", line, err)
	}
	var got strings.Builder
	for line, err := child.Hear(); err == nil; line, err = child.Hear() {
		got.WriteString(line + "\n")
	}
	if err := child.Wait(); err != nil || got.String() != want {
		t.Errorf("%d bytes, want %d, %v", got.Len(), len(want), err)
	}
}

// One that is not ours, both ways. Its lines come in pieces, without an end, too long,
// and full of what would command a terminal.
func chatPython(t *testing.T, p *program) {
	a := p.chatter("answer")
	a.See("waiting at")
	python := kithtest.Python(t, "testdata/chat_peer.py", "call", p.file).Start()
	hear(t, python, "connected")
	a.See("is there")
	for _, exchange := range []struct{ says, shown string }{
		{`b"hel"`, ""},
		{`b"lo\r\none more\n"`, "> hello\r\n> one more\r\n"},
		{`b"\x1b[2J\x1b]0;title\x07 \x9b31m \xe2\x80\xae\tok\n"`, "> \uFFFD\\[2J\uFFFD\\]0;title\uFFFD \uFFFD31m \uFFFD\\s+ok\r\n"},
		{`b"` + strings.Repeat("x", 5000) + `\n"`, "> x{900}x+\r\n> x+\r\n"},
		{`b"last words"`, ""},
	} {
		if err := python.Say(exchange.says); err != nil {
			t.Fatal(err)
		}
		a.See(exchange.shown)
	}
	a.Press("what we say\r")
	if err := python.Say("read"); err != nil {
		t.Fatal(err)
	}
	hear(t, python, `b'what we say\n'`)
	if err := python.Say("end"); err != nil {
		t.Fatal(err)
	}
	a.See("> last words\r\nended 0\r\n")
	p.wantLeft()
}

// A peer that has ended what it says still listens, and one that does not read for a
// while is heard meanwhile.
func chatHalfClosed(t *testing.T, p *program) {
	python := kithtest.Python(t, "testdata/chat_peer.py", "answer", p.file).Start()
	hear(t, python, "waiting")
	book := pages(60_000)
	child := p.piped(t, "call", asFile(t, book))
	if line, err := child.Hear(); !strings.HasSuffix(line, "is there; Ctrl-D ends") {
		t.Fatalf("%q, %v", line, err)
	}
	for _, say := range []string{`b"I hear\n"`, "end", "all"} {
		if err := python.Say(say); err != nil {
			t.Fatal(err)
		}
	}
	hear(t, child, "> I hear")
	hear(t, python, fmt.Sprintf("%d b'%s'", len(book), strings.ReplaceAll(book[len(book)-60:], "\n", "\\n")))
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

// Nobody asks again and again: not for what a peer says that has ended, and not for what
// the keyboard has, while there is no room for it.
func chatIdle(t *testing.T, p *program) {
	for name, idle := range map[string]struct {
		stdin func(t *testing.T, text string) *os.File
		says  string
	}{
		"the peer has ended":     {func(*testing.T, string) *os.File { return nil }, "end"},
		"the peer does not read": {asPipe, `b""`},
		"of a file neither":      {asFile, `b""`},
	} {
		t.Run(name, func(t *testing.T) {
			p := p.in(t)
			python := kithtest.Python(t, "testdata/chat_peer.py", "answer", p.file).Start()
			hear(t, python, "waiting")
			child := p.piped(t, "call", idle.stdin(t, pages(60_000)))
			if line, err := child.Hear(); !strings.HasSuffix(line, "is there; Ctrl-D ends") {
				t.Fatalf("%q, %v", line, err)
			}
			for _, say := range []string{`b"hello\n"`, idle.says} {
				if err := python.Say(say); err != nil {
					t.Fatal(err)
				}
			}
			hear(t, child, "> hello")
			wantIdle(t, child)
			interrupt(t, child)
		})
	}
}

// A peer that leaves without having read ends the chat, and what it said is shown.
func chatUnread(t *testing.T, p *program) {
	python := kithtest.Python(t, "testdata/chat_peer.py", "answer", p.file).Start()
	hear(t, python, "waiting")
	child := p.piped(t, "call", asFile(t, pages(60_000)))
	for _, say := range []string{"wait", `b"not interested\n"`, "close"} {
		if err := python.Say(say); err != nil {
			t.Fatal(err)
		}
	}
	hear(t, python, "come")
	wantText(t, child, "> not interested\n")
}
