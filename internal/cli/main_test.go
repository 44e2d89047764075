package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kith/driver"
)

// The tests run kith as a process of its own: this binary under another name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kith":     func() { os.Exit(Main()) },
		"stubborn": stubborn,
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": wantStatus},
		Setup: func(env *testscript.Env) error {
			env.Setenv("KITH_DIR", filepath.Join(env.WorkDir, "names"))
			return os.Mkdir(filepath.Join(env.WorkDir, "names"), 0o700)
		},
	})
}

// wantStatus is the script command: status N program [args...]
func wantStatus(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	failed, _ := errors.AsType[*exec.ExitError](err)
	if failed == nil || strconv.Itoa(failed.ExitCode()) != args[0] {
		ts.Fatalf("%v: %v, want exit status %s", args[1:], err, args[0])
	}
}

// hung is how long a process may run before it counts as one that hangs. It
// is then made to print its goroutines.
const hung = time.Minute

// A process is a kith that runs.
type process struct {
	*exec.Cmd
	t       *testing.T
	address string        // where it says that it listens
	listens chan struct{} // closed when address is known, or will never be
	told    bytes.Buffer
	done    chan struct{} // closed when it has ended, and told is complete
}

// A place is where a test's processes run: a directory for files and one for
// names, which is in $KITH_DIR.
type place struct {
	t     *testing.T
	files string
	names string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	names, err := os.MkdirTemp("", "kith") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(names) })
	return &place{t: t, files: t.TempDir(), names: names}
}

func (p *place) path(file string) string { return filepath.Join(p.files, file) }

// start runs kith; change may set its input and output first.
func (p *place) start(args []string, change ...func(*exec.Cmd)) *process {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), hung)
	k := &process{Cmd: exec.CommandContext(ctx, "kith", args...), t: p.t, listens: make(chan struct{}), done: make(chan struct{})}
	k.Dir = p.files
	k.Env = append(os.Environ(), "KITH_DIR="+p.names, "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	k.Cancel = func() error { return k.Process.Signal(syscall.SIGABRT) }
	stderr, err := k.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range change {
		f(k.Cmd)
	}
	if err := k.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer cancel()
		k.follow(stderr)
		_ = k.Wait()
		close(k.done)
	}()
	p.t.Cleanup(func() { cancel(); <-k.done })
	return k
}

// follow keeps what the process tells, and picks out its address.
func (k *process) follow(stderr io.Reader) {
	listens := sync.OnceFunc(func() { close(k.listens) })
	defer listens()
	lines := bufio.NewReader(stderr)
	for {
		line, err := lines.ReadString('\n')
		k.told.WriteString(line)
		if address, found := strings.CutPrefix(line, "kith: listening at "); found {
			k.address = strings.TrimSpace(address)
			listens()
		}
		if err != nil {
			return
		}
	}
}

// listening waits until the process listens, and returns where.
func (k *process) listening() string {
	k.t.Helper()
	<-k.listens
	if k.address == "" {
		k.t.Fatalf("%v does not listen: %s", k.Args, k.stderr())
	}
	return k.address
}

// status waits for the process's end and returns its exit status; -1 where a
// signal killed it.
func (k *process) status() int {
	<-k.done
	return k.ProcessState.ExitCode()
}

// stderr waits for the process's end and returns what it told.
func (k *process) stderr() string {
	<-k.done
	return k.told.String()
}

// expect waits for the end, and checks the exit status and one message.
func (k *process) expect(status int, message string) {
	k.t.Helper()
	if got := k.status(); got != status || !strings.Contains(k.stderr(), message) {
		k.t.Errorf("%v: exit status %d, want %d and %q in:\n%s", k.Args, got, status, message, k.stderr())
	}
}

func (k *process) signal(s os.Signal) {
	k.t.Helper()
	if err := k.Process.Signal(s); err != nil {
		k.t.Error(err)
	}
}

func stdin(r io.Reader) func(*exec.Cmd)  { return func(c *exec.Cmd) { c.Stdin = r } }
func stdout(w io.Writer) func(*exec.Cmd) { return func(c *exec.Cmd) { c.Stdout = w } }

// pipe is a pipe of the kernel's; the test closes what it has not closed.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// startMidway starts a receiver into the file out and a sender, and returns
// when bytes have come across and the sender waits for more: it has read more
// than all buffers on the way can hold.
func (p *place) startMidway(address string) (r, s *process) {
	p.t.Helper()
	in, input := pipe(p.t)
	r = p.start([]string{"recv", address, "out"})
	s = p.start([]string{"send", r.listening()}, stdin(in))
	_ = in.Close() // the sender has it now: where that ends, our write does
	if _, err := input.Write(make([]byte, midway)); err != nil {
		p.t.Fatal(err)
	}
	return r, s
}

// midway is in bytes.
const midway = 16 << 20

// write makes a file of size random bytes.
func (p *place) write(name string, size int) []byte {
	p.t.Helper()
	data := make([]byte, size)
	_, _ = rand.Read(data)
	if err := os.WriteFile(p.path(name), data, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return data
}

func (p *place) wantFile(name string, want []byte) {
	p.t.Helper()
	got, err := os.ReadFile(p.path(name))
	if err != nil || !bytes.Equal(got, want) {
		p.t.Errorf("%s: %d bytes, want %d others: %v", name, len(got), len(want), err)
	}
}

// wantLeft checks which files there are, and that no name is left.
func (p *place) wantLeft(files ...string) {
	p.t.Helper()
	slices.Sort(files)
	if got := list(p.t, p.files); !slices.Equal(got, files) {
		p.t.Errorf("files left: %q, want %q", got, files)
	}
	if got := list(p.t, p.names); len(got) > 0 {
		p.t.Errorf("names left: %q", got)
	}
}

func list(t *testing.T, directory string) []string {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// everyTransport runs a test for each transport that has addresses.
func everyTransport(t *testing.T, test func(t *testing.T, address string)) {
	for _, transport := range driver.Transports() {
		if traits := transport.Traits(); traits.Named {
			t.Run(traits.Scheme, func(t *testing.T) { test(t, addressOf(traits.Scheme)) })
		}
	}
}

func addressOf(scheme string) string {
	if scheme == "tcp" {
		return "tcp:127.0.0.1:0"
	}
	return scheme + ":a"
}
