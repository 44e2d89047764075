package fifo_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kith/fifo"
)

func made(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := fifo.Make(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// must opens a FIFO that is closed with the test.
func must(t *testing.T, open func(string) (*os.File, error), path string) *os.File {
	t.Helper()
	file, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// A shell is a foreign process that does as it is told, line by line.
type shell struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startShell starts sh with a script whose $1 is the path.
func startShell(t *testing.T, script, path string) *shell {
	t.Helper()
	s := &shell{Cmd: exec.Command("sh", "-c", script, "sh", path)}
	s.Stderr = os.Stderr
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReader(out)
	if s.in, err = s.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.in.Close(); _ = s.Process.Kill(); _ = s.Wait() })
	return s
}

// hear expects a line from the shell.
func (s *shell) hear(t *testing.T, want string) {
	t.Helper()
	if line, err := s.out.ReadString('\n'); line != want+"\n" {
		t.Fatalf("the shell said %q, %v, want %q", line, err, want)
	}
}

func (s *shell) say(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}
