package mq_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/mq"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"posix limits": posixLimits,
		"sysv limits":  sysvLimits,
		"other user":   otherUser,
		"work":         work,
	})
	kithtest.Main(m)
}

var names atomic.Int32

// freshName is a queue's name that no other test or process has. The queue goes
// with the test.
func freshName(t *testing.T) string {
	t.Helper()
	kithtest.NeedKernel(t, "mqueue")
	name := fmt.Sprintf("/kith-mq-%d-%d", os.Getpid(), names.Add(1))
	t.Cleanup(func() { _ = mq.Unlink(name) })
	return name
}

// freshKey is such a key.
func freshKey(t *testing.T) ipc.Key {
	t.Helper()
	key := ipc.Key(os.Getpid()<<8 | int(names.Add(1)))
	t.Cleanup(func() {
		if q, err := mq.OpenSysV(key); err == nil {
			_ = q.Remove()
		}
	})
	return key
}

func create(t *testing.T, attributes mq.Attributes) *mq.Queue {
	t.Helper()
	q, err := mq.Create(freshName(t), 0o600, attributes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func open(t *testing.T, name string, flag int) *mq.Queue {
	t.Helper()
	q, err := mq.Open(name, flag)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// createSysV makes a queue, and returns its key for peers.
func createSysV(t *testing.T) (*mq.SysV, ipc.Key) {
	t.Helper()
	key := freshKey(t)
	q, err := mq.CreateSysV(key, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return q, key
}

// A peer is a program that is not ours, testdata/peer.c or peer.py.
type peer struct{ *kithtest.Child }

// withPeers runs a test with each of the peers.
func withPeers(t *testing.T, test func(*testing.T, peer)) {
	t.Run("C", func(t *testing.T) { test(t, cPeer(t)) })
	t.Run("Python", func(t *testing.T) {
		kithtest.NeedPython(t, "sysv_ipc", "python3-sysv-ipc")
		test(t, peer{kithtest.Python(t, "testdata/peer.py").Start()})
	})
}

func cPeer(t *testing.T) peer {
	t.Helper()
	return peer{kithtest.C(t, "testdata/peer.c").Start()}
}

// tell gives the peer an order, and does not wait for the answer.
func (p peer) tell(t *testing.T, format string, args ...any) {
	t.Helper()
	if err := p.Say(fmt.Sprintf(format, args...)); err != nil {
		t.Fatal(err)
	}
}

func (p peer) expect(t *testing.T, want string) {
	t.Helper()
	if got, err := p.Hear(); got != want {
		t.Fatalf("the peer said %q, %v, want %q", got, err, want)
	}
}

func (p peer) order(t *testing.T, want, format string, args ...any) {
	t.Helper()
	p.tell(t, format, args...)
	p.expect(t, want)
}

// awaitCall waits until so many threads of the process sleep in one of the system
// calls. The kernel tells of that nobody who does not ask.
func awaitCall(t *testing.T, pid, threads int, numbers ...int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(time.Millisecond) {
		calls, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/syscall")
		if len(calls) == 0 || time.Now().After(deadline) {
			t.Fatalf("process %d is gone, or waits elsewhere", pid)
		}
		found := 0
		for _, call := range calls {
			text, _ := os.ReadFile(call)
			for _, number := range numbers {
				if strings.HasPrefix(string(text), strconv.Itoa(number)+" ") {
					found++
				}
			}
		}
		if found >= threads {
			return
		}
	}
}

func (p peer) awaitCall(t *testing.T, number int) {
	t.Helper()
	awaitCall(t, p.Cmd.Process.Pid, 1, number)
}

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// line is how a peer writes a message.
func line(kind int64, body []byte) string { return fmt.Sprintf("%d %s", kind, body) }

// readable asks poll(2), which does not wait.
func readable(fd int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return n == 1 && fds[0].Revents&unix.POLLIN != 0, err
}
