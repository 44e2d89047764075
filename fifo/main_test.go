package fifo_test

import (
	"context"
	"errors"
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

	"kith/fifo"
	"kith/internal/kithtest"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"worker":          worker,
		"mounts":          mounts,
		"no descriptor":   noDescriptor,
		"soft pages":      softPages,
		"hard pages":      hardPages,
		"without inotify": withoutInotify,
		"without proc":    withoutProc,
		"terminal":        terminal,
	})
	kithtest.Main(m)
}

const nobody = 65534

var errCause = errors.New("the test has ended it")

// endedContext has ended with errCause.
func endedContext() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errCause)
	return ctx
}

// directory is one that every user reaches.
func directory(t testing.TB) string {
	t.Helper()
	path, err := os.MkdirTemp("", "kith-fifo")
	if err == nil {
		err = os.Chmod(path, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	return path
}

// made is the path of a FIFO that every user may open.
func made(t testing.TB) string {
	t.Helper()
	path := filepath.Join(directory(t), "fifo")
	makeAt(t, path)
	return path
}

func makeAt(t testing.TB, path string) {
	t.Helper()
	if err := errors.Join(fifo.Make(path, 0o600), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
}

// must opens a FIFO that is closed with the test.
func must(t testing.TB, open func(string) (*os.File, error), path string) *os.File {
	t.Helper()
	file, err := open(path)
	return kept(t, file, err)
}

// kept is a file that is closed with the test.
func kept(t testing.TB, file *os.File, err error) *os.File {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// An opening is a call of Open in a goroutine of its own.
type opening struct {
	*kithtest.Call
	file *os.File
}

func startOpen(ctx context.Context, path string, flag int) *opening {
	o := &opening{}
	o.Call = kithtest.Go(func() (err error) {
		o.file, err = fifo.Open(ctx, path, flag)
		return err
	})
	return o
}

// waiting is an Open that is known to wait.
func waiting(t testing.TB, path string, flag int) *opening {
	t.Helper()
	o := startOpen(t.Context(), path, flag)
	if err := o.Parked(); err != nil {
		t.Fatal(err)
	}
	return o
}

// met is what has been opened.
func (o *opening) met(t testing.TB) *os.File {
	t.Helper()
	err := o.Wait()
	return kept(t, o.file, err)
}

// A peer is a process that obeys the commands of testdata/peer.c.
type peer struct {
	*kithtest.Child
	t testing.TB
}

// withPeers runs a test with programs that are not ours, and with ours.
func withPeers(t *testing.T, test func(*testing.T, func(testing.TB) *peer)) {
	for name, start := range map[string]func(testing.TB) *peer{"C": cPeer, "Python": pythonPeer, "Go": goPeer} {
		t.Run(name, func(t *testing.T) { test(t, start) })
	}
}

func cPeer(t testing.TB) *peer {
	t.Helper()
	return &peer{kithtest.C(t, "testdata/peer.c").Start(), t}
}

func pythonPeer(t testing.TB) *peer {
	t.Helper()
	return &peer{kithtest.Python(t, "testdata/peer.py").Start(), t}
}

func goPeer(t testing.TB) *peer {
	t.Helper()
	return &peer{kithtest.Command(t, "worker").Start(), t}
}

// asNobody is such a process of a user without rights.
func asNobody(t testing.TB) *peer {
	t.Helper()
	return asUser(t, nobody)
}

func asUser(t testing.TB, uid uint32) *peer {
	t.Helper()
	kithtest.NeedKernel(t, "root")
	child := kithtest.Command(t, "worker")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return &peer{child.Start(), t}
}

// shell is a shell whose script has the path as $1.
func shell(t testing.TB, script, path string) *peer {
	t.Helper()
	kithtest.Need(t, "sh")
	return &peer{kithtest.Peer(t, exec.Command("sh", "-c", script, "sh", path)).Start(), t}
}

// tell says a command whose answer is to come.
func (p *peer) tell(command string, args ...any) {
	p.t.Helper()
	if err := p.Say(fmt.Sprintf(command, args...)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) hears(want string) {
	p.t.Helper()
	if answer, err := p.Hear(); err != nil || answer != want {
		p.t.Fatalf("the peer says %q (%v), want %q", answer, err, want)
	}
}

// asks says a command and checks the answer.
func (p *peer) asks(want, command string, args ...any) {
	p.t.Helper()
	p.tell(command, args...)
	p.hears(want)
}

// blocked waits until the peer sleeps in open(2), of which the kernel tells nobody
// who does not ask.
func (p *peer) blocked() {
	p.t.Helper()
	path := fmt.Sprintf("/proc/%d/syscall", p.Cmd.Process.Pid)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		text, err := os.ReadFile(path)
		if err != nil {
			p.t.Fatal(err)
		}
		if strings.HasPrefix(string(text), strconv.Itoa(unix.SYS_OPENAT)+" ") {
			return
		}
	}
	p.t.Fatal("the peer does not wait in open(2)")
}

func errno(e unix.Errno) string { return fmt.Sprintf("errno %d", int(e)) }

// wants checks an error: its type, and what it matches.
func wants(t testing.TB, err error, all ...error) {
	t.Helper()
	_, named := errors.AsType[*os.PathError](err)
	_, nameless := errors.AsType[*os.SyscallError](err)
	if !named && !nameless {
		t.Errorf("%v (%T) is no PathError, and no SyscallError", err, err)
	}
	for _, want := range all {
		if !errors.Is(err, want) {
			t.Errorf("%v does not match %v", err, want)
		}
	}
}

// reads expects a text, and what is still to come of it.
func reads(t testing.TB, from interface{ Read([]byte) (int, error) }, want string) {
	t.Helper()
	buffer := make([]byte, len(want)+1)
	n, err := from.Read(buffer)
	if err != nil || string(buffer[:n]) != want {
		t.Fatalf("read %q, %v, want %q", buffer[:n], err, want)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func threads(t testing.TB) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	ok(t, err)
	return len(tasks)
}
