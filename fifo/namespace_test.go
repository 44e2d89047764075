package fifo_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

// meet has both sides meet, whoever waits, and says a word each way.
func meet(t *testing.T, they *peer, path string) {
	t.Helper()
	for _, flag := range []int{os.O_RDONLY, os.O_WRONLY} {
		how := map[int]string{os.O_RDONLY: "w", os.O_WRONLY: "r"}[flag]
		we := waiting(t, path, flag)
		they.asks("ok", "open %s %s", how, path)
		talk(t, they, flag, we.met(t))
		they.tell("open %s %s", how, path)
		file := startOpen(t.Context(), path, flag).met(t)
		they.hears("ok")
		talk(t, they, flag, file)
	}
}

func talk(t *testing.T, they *peer, flag int, file *os.File) {
	t.Helper()
	if flag == os.O_RDONLY {
		they.asks("ok", "write hello")
		reads(t, file, "hello")
	} else {
		_, err := file.WriteString("hello")
		ok(t, err)
		they.asks("got hello", "read")
	}
	ok(t, file.Close())
	they.asks("ok", "close")
}

// A FIFO joins processes of different PID, IPC and mount namespaces, and users.
func TestNamespaces(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	for name, attr := range map[string]*syscall.SysProcAttr{
		"pid and mount": {Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC},
		"another user":  {Cloneflags: syscall.CLONE_NEWPID, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}},
	} {
		t.Run(name, func(t *testing.T) {
			path, child := made(t), kithtest.Command(t, "worker")
			child.Cmd.SysProcAttr = attr
			meet(t, &peer{child.Start(), t}, path)
		})
	}
}

// Without /proc there is no inotify for us, and a session without a byte passes
// unseen, but nobody is missed.
func TestWithoutProc(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	path, child := made(t), kithtest.Command(t, "without proc")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	they := &peer{child.Start(), t}
	meet(t, they, path)
	they.asks("ok", "sessions %s", path)
	for i := range 20 {
		writer := startOpen(t.Context(), path, os.O_WRONLY).met(t)
		_, err := fmt.Fprintln(writer, i)
		ok(t, errors.Join(err, writer.Close()))
		they.asks(fmt.Sprintf("session %d", i), "session")
	}
}

func withoutProc([]string) error {
	if err := unix.Mount("tmpfs", "/proc", "tmpfs", 0, "size=4k"); err != nil {
		return err
	}
	fifo.Pauses(time.Millisecond, time.Millisecond, time.Hour) // nobody tells us
	return worker(nil)
}

// A user who has all instances of inotify in use already meets others by looking
// again.
func TestWithoutInotify(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	path, child := made(t), kithtest.Command(t, "without inotify")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: kithtest.User() + 1, Gid: kithtest.User()}}
	meet(t, &peer{child.Start(), t}, path)
}

func withoutInotify([]string) error {
	for {
		_, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		if errors.Is(err, unix.EMFILE) {
			fifo.Pauses(time.Millisecond, time.Millisecond, time.Hour) // nobody tells us
			return worker(nil)
		}
		if err != nil {
			return err
		}
	}
}
