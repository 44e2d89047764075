package lock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/lock"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"locker":    locker,
		"visitor":   visitor,
		"storm":     storm,
		"once":      once,
		"many":      many,
		"canceller": canceller,
	})
	kithtest.Main(m)
}

// locker is our own peer: it understands what testdata/peer.c does.
func locker(args []string) error {
	file, err := os.OpenFile(args[0], os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	held := map[string]*lock.Lock{}
	kithtest.Say("ready")
	for {
		command := kithtest.Hear()
		kithtest.Say(obey(file, held, command))
	}
}

func obey(file *os.File, held map[string]*lock.Lock, command string) string {
	var name, action, way string
	var span lock.Range
	if _, err := fmt.Sscan(command, &name, &action, &way, &span.Start, &span.Length); err != nil {
		return err.Error()
	}
	target, mode := lock.On(file, kinds[name]), modes[way]
	id := fmt.Sprint(name, span)
	var err error
	switch action {
	case "drop":
		err = held[id].Unlock()
	case "try":
		held[id], err = target.Try(mode, span)
	case "wait":
		held[id], err = target.Lock(context.Background(), mode, span)
	case "get":
		return describe(target.Holder(mode, span))
	}
	return outcome(err)
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	for errno := unix.Errno(1); errno < 200; errno++ {
		if errors.Is(err, errno) {
			return fmt.Sprintf("errno %d", errno)
		}
	}
	return err.Error()
}

func describe(holder *lock.Holder, err error) string {
	if err != nil {
		return outcome(err)
	}
	if holder == nil {
		return "free"
	}
	return fmt.Sprintf("held %v %d %d %d", holder.Mode, holder.PID, holder.Span.Start, holder.Span.Length)
}

var (
	kinds     = map[string]lock.Kind{"flock": lock.Flock, "ofd": lock.OFD, "posix": lock.POSIX, "lockf": lock.POSIX}
	pid       = os.Getpid()
	errClosed = os.ErrClosed
	modes     = map[string]lock.Mode{"shared": lock.Shared, "exclusive": lock.Exclusive}
)

// A peer is a process that obeys the commands of testdata/peer.c.
type peer struct {
	*kithtest.Child
	t testing.TB
}

func newPeer(t testing.TB, language, path string) *peer {
	t.Helper()
	p := &peer{t: t}
	switch language {
	case "C":
		p.Child = kithtest.C(t, "testdata/peer.c", path).Start()
	case "Python":
		p.Child = kithtest.Python(t, "testdata/peer.py", path).Start()
	case "Go":
		p.Child = kithtest.Command(t, "locker", path).Start()
		p.hears("ready")
	}
	return p
}

func (p *peer) pid() int { return p.Cmd.Process.Pid }

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

func errno(e unix.Errno) string { return fmt.Sprintf("errno %d", e) }

func busy() string { return errno(unix.EAGAIN) }

// newFile is a file to lock, open for reading and writing.
func newFile(t testing.TB) *os.File {
	t.Helper()
	return openFile(t, filepath.Join(t.TempDir(), "file"), os.O_RDWR|os.O_CREATE)
}

func openFile(t testing.TB, path string, how int) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, how, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// queued waits until so many wait for locks on the file.
func queued(t testing.TB, path string, waiters int) {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = kithtest.Queued(info, waiters)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// take takes a lock on the whole file that must be free.
func take(t testing.TB, target *lock.Target, mode lock.Mode) *lock.Lock {
	t.Helper()
	l, err := target.Try(mode, lock.Whole)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// waitUntil waits for a lock that is not free until the test has acted.
func waitUntil(t testing.TB, path string, target *lock.Target, mode lock.Mode, act func()) *lock.Lock {
	t.Helper()
	w := waitFor(t.Context(), target, mode, lock.Whole)
	queued(t, path, 1)
	act()
	if err := w.Wait(); err != nil {
		t.Fatal(err)
	}
	return w.lock
}

// A waiter is a call of Lock in a goroutine of its own.
type waiter struct {
	*kithtest.Call
	lock *lock.Lock
}

func waitFor(ctx context.Context, target *lock.Target, mode lock.Mode, span lock.Range) *waiter {
	w := &waiter{}
	w.Call = kithtest.Go(func() (err error) {
		w.lock, err = target.Lock(ctx, mode, span)
		return err
	})
	return w
}

func inode(t testing.TB, path string) uint64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}

func unlock(t testing.TB, l *lock.Lock) {
	t.Helper()
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
}

// wants checks an error of package lock: its type, and what it matches.
func wants(t testing.TB, err error, all ...error) {
	t.Helper()
	if _, typed := errors.AsType[*os.PathError](err); !typed {
		t.Errorf("%v (%T) is no PathError", err, err)
	}
	for _, want := range all {
		if !errors.Is(err, want) {
			t.Errorf("%v does not match %v", err, want)
		}
	}
}

// errCause is why endedContext has ended.
var errCause = errors.New("it ended before")

func endedContext(t testing.TB) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCause)
	return ctx
}
