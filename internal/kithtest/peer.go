package kithtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// C compiles a C program with gcc, once for this test binary, and prepares a
// peer that runs it: another process which is not ours, on the same object.
func C(t testing.TB, source string, args ...string) *Child {
	t.Helper()
	return Peer(t, exec.Command(Compile(t, source), args...))
}

// Compile is the path of a C program, compiled once for this test binary.
func Compile(t testing.TB, source string) string {
	t.Helper()
	Need(t, "gcc")
	compiled.Lock()
	defer compiled.Unlock()
	program := filepath.Join(compiled.folder(t), filepath.Base(source)+".exe")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	gcc := exec.Command("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, source)
	if out, err := gcc.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", gcc, err, out)
	}
	return program
}

// python is Debian's own, for whom the package python3-sysv-ipc is.
const python = "/usr/bin/python3"

// Python prepares a peer that runs a Python program.
func Python(t testing.TB, source string, args ...string) *Child {
	t.Helper()
	Need(t, python)
	return Peer(t, exec.Command(python, append([]string{"-u", source}, args...)...))
}

// NeedPython is Need for a module of Python that Debian packages.
func NeedPython(t testing.TB, module, from string) {
	t.Helper()
	Need(t, python)
	if err := exec.Command(python, "-c", "import "+module).Run(); err != nil {
		lack(t, "Python's "+module, from)
	}
}

// compiled is where this test binary keeps its C programs, until it ends.
var compiled programs

type programs struct {
	sync.Mutex
	path string
}

func (p *programs) folder(t testing.TB) string {
	t.Helper()
	if p.path == "" {
		path, err := os.MkdirTemp("", "kithtest")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o755); err != nil { // for peers that are another user
			t.Fatal(err)
		}
		p.path = path
	}
	return p.path
}

func (p *programs) remove() {
	if p.path != "" {
		_ = os.RemoveAll(p.path)
	}
}
