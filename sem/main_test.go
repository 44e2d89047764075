package sem_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/sem"
)

func TestMain(m *testing.M) {
	sem.SetRelook(time.Hour) // no test passes because a waiter looked by itself
	kithtest.Main(m)
}

// names makes each test's objects its own.
var names atomic.Int32

func newKey() ipc.Key {
	return ipc.Key(1<<30 | os.Getpid()&0x3fffff<<8 | int(names.Add(1)&0xff))
}

func newName() string { return fmt.Sprintf("/kith-sem-%d-%d", os.Getpid(), names.Add(1)) }

// newSet is a set that is removed with the test.
func newSet(t testing.TB, values ...int) (ipc.Key, *sem.Set) {
	t.Helper()
	key := newKey()
	set, err := sem.CreateSet(key, 0o600, values...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Remove() })
	return key, set
}

// newSemaphore is a named semaphore that is unlinked with the test.
func newSemaphore(t testing.TB, value int) (string, *sem.Semaphore) {
	t.Helper()
	name := unlinked(t)
	s, err := sem.Create(name, value, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return name, s
}

// unlinked is a name that is unlinked with the test.
func unlinked(t testing.TB) string {
	t.Helper()
	name := newName()
	t.Cleanup(func() { _ = sem.Unlink(name) })
	return name
}

// memory is a page of a file, which others map too.
func memory(t testing.TB) (path string, page []byte) {
	t.Helper()
	path = t.TempDir() + "/memory"
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	page, err = unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(page) })
	return path, page
}

// A peer is a program that is not ours, and does as it is told.
type peer struct {
	*kithtest.Child
	t testing.TB
}

// peers are those of each language, ready to be started.
var peers = map[string]func(testing.TB) peer{"C": cPeer, "Python": pythonPeer}

func cPeer(t testing.TB) peer {
	t.Helper()
	return peer{kithtest.C(t, "testdata/peer.c").Start(), t}
}

func pythonPeer(t testing.TB) peer {
	t.Helper()
	kithtest.NeedPython(t, "sysv_ipc", "python3-sysv-ipc")
	return peer{kithtest.Python(t, "testdata/peer.py").Start(), t}
}

func eachPeer(t *testing.T, test func(t *testing.T, p peer)) {
	for language, start := range peers {
		t.Run(language, func(t *testing.T) { test(t, start(t)) })
	}
}

// tell says a line, and does not wait for the answer.
func (p peer) tell(line string, words ...any) {
	p.t.Helper()
	if err := p.Say(fmt.Sprintf(line, words...)); err != nil {
		p.t.Fatal(err)
	}
}

func (p peer) hear() string {
	p.t.Helper()
	answer, err := p.Hear()
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

func (p peer) ask(line string, words ...any) string {
	p.t.Helper()
	p.tell(line, words...)
	return p.hear()
}

// do tells the peer to do what must succeed.
func (p peer) do(line string, words ...any) {
	p.t.Helper()
	if answer := p.ask(line, words...); !strings.HasPrefix(answer, "ok ") {
		p.t.Fatalf("%s: %s", fmt.Sprintf(line, words...), answer)
	}
}

// want tells the peer to do what must be answered so.
func (p peer) want(answer, line string, words ...any) {
	p.t.Helper()
	if got := p.ask(line, words...); got != answer {
		p.t.Fatalf("%s: %s, want %s", fmt.Sprintf(line, words...), got, answer)
	}
}

// until waits for what only looking can tell.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	ctx, cancel := soon(t)
	defer cancel()
	for !is() {
		if ctx.Err() != nil {
			t.Fatalf("never seen: %s", what)
		}
		runtime.Gosched()
	}
}

// soon ends a call that hangs, so that the test fails and says where.
func soon(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 20*time.Second)
}

func wantSemaphore(t testing.TB, s *sem.Semaphore, value, waiters int) {
	t.Helper()
	v, err := s.Value()
	w, err2 := s.Waiters()
	if v != value || w != waiters || err != nil || err2 != nil {
		t.Errorf("value %d, %d waiters, %v, %v, want %d and %d", v, w, err, err2, value, waiters)
	}
}

func wantValue(t testing.TB, set *sem.Set, index, value int) {
	t.Helper()
	if v, err := set.Value(index); v != value || err != nil {
		t.Errorf("semaphore %d is %d, %v, want %d", index, v, err, value)
	}
}

// waiting waits until so many wait for a semaphore of the set to increase.
func waiting(t testing.TB, set *sem.Set, index, number int) {
	t.Helper()
	until(t, fmt.Sprintf("%d waiters", number), func() bool {
		n, _, err := set.Waiters(index)
		return n == number && err == nil
	})
}

// asleep waits until so many wait for the semaphore.
func asleep(t testing.TB, s *sem.Semaphore, number int) {
	t.Helper()
	until(t, fmt.Sprintf("%d waiters", number), func() bool {
		n, err := s.Waiters()
		return n == number && err == nil
	})
}
