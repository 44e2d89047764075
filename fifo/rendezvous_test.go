package fifo_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

// A reader waits, and the writer comes.
func TestReaderWaits(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(testing.TB) *peer) {
		path, they := made(t), start(t)
		reader := waiting(t, path, os.O_RDONLY)
		they.asks("ok", "open w %s", path)
		file := reader.met(t) // though nothing is written yet
		they.asks("ok", "write hello")
		reads(t, file, "hello")
		they.asks("ok", "close")
		if _, err := file.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%v, want the end", err)
		}
	})
}

// A writer waits, and the reader comes: one who blocks, and those who do not.
func TestWriterWaits(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(testing.TB) *peer) {
		for _, how := range []string{"r", "rn", "rw"} {
			path, they := made(t), start(t)
			writer := waiting(t, path, os.O_WRONLY)
			they.asks("ok", "open %s %s", how, path)
			file := writer.met(t)
			_, err := file.WriteString("hello")
			ok(t, err)
			they.asks("got hello", "read")
			ok(t, file.Close())
			if how != "rw" {
				they.asks("end", "read")
			}
		}
	})
}

// The other side is there before, blocked in open(2).
func TestOtherSideWaits(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *peer{"C": cPeer, "Python": pythonPeer} {
		t.Run(name, func(t *testing.T) {
			path, they := made(t), start(t)
			they.tell("open w %s", path)
			they.blocked()
			file := startOpen(t.Context(), path, os.O_RDONLY).met(t)
			they.hears("ok")
			they.asks("ok", "write hello")
			reads(t, file, "hello")
			they.asks("ok", "close")
			ok(t, file.Close())

			they.tell("open r %s", path)
			they.blocked()
			file = startOpen(t.Context(), path, os.O_WRONLY).met(t)
			they.hears("ok")
			_, err := file.WriteString("hello")
			ok(t, err)
			they.asks("got hello", "read")
		})
	}
}

func TestOpenWithShell(t *testing.T) {
	kithtest.Need(t, "cat")
	path := made(t)
	reader := waiting(t, path, os.O_RDONLY)
	sh := shell(t, `echo hello >"$1"; cat "$1"; exec 3<>"$1"; echo open; read line <&3; echo "$line"`, path)
	reads(t, reader.met(t), "hello\n")
	ok(t, reader.file.Close())
	writer := startOpen(t.Context(), path, os.O_WRONLY).met(t)
	_, err := writer.WriteString("to cat\n")
	ok(t, errors.Join(err, writer.Close()))
	sh.hears("to cat")
	sh.hears("open")
	writer = startOpen(t.Context(), path, os.O_WRONLY).met(t)
	_, err = writer.WriteString("to read\n")
	ok(t, err)
	sh.hears("to read")
}

// A writer that came, and wrote or not, and went while our process did not run, has
// been there.
func TestCameAndWent(t *testing.T) {
	for script, want := range map[string]string{`printf hello >"$1"`: "got hello", `: >"$1"`: "end"} {
		path, we := made(t), goPeer(t)
		awaitOpen(t, path, func() { we.tell("open r %s", path) })
		ok(t, we.Stop())
		ok(t, shell(t, script, path).Wait()) // it finds a reader, or would wait
		ok(t, we.Continue())
		we.hears("ok")
		we.asks(want, "read")
	}
}

// awaitOpen returns when somebody has opened the file, on account of the action.
func awaitOpen(t testing.TB, path string, act func()) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	ok(t, err)
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	_, err = unix.InotifyAddWatch(fd, path, unix.IN_OPEN)
	ok(t, err)
	act()
	_, err = events.Read(make([]byte, 100))
	ok(t, err)
}

// Nobody takes a writer that waits for a reader, or for a writer.
func TestWaitingWriterIsNotThere(t *testing.T) {
	path, they := made(t), cPeer(t)
	writer := waiting(t, path, os.O_WRONLY)
	they.asks(errno(unix.ENXIO), "open wn %s", path)
	they.asks("ok", "open rn %s", path)
	file := writer.met(t)
	they.asks(errno(unix.EAGAIN), "read") // and now it is
	ok(t, file.Close())
	they.asks("end", "read")
}

// A relative path is of the directory in which it was given.
func TestDirectoryChanges(t *testing.T) {
	path, they := made(t), cPeer(t)
	t.Chdir(filepath.Dir(path))
	reader, s := waiting(t, "fifo", os.O_RDONLY), openSessions(t, "fifo")
	t.Chdir("/")
	next := kithtest.Go(func() error { return s.Next(t.Context()) })
	ok(t, next.Parked())
	they.asks("ok", "open w %s", path)
	reader.met(t)
	ok(t, next.Wait())
}

func TestOpenRefuses(t *testing.T) {
	path := made(t)
	before := kithtest.Hold(filepath.Dir(path))
	for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
		_, err := fifo.Open(endedContext(), path, flag)
		wants(t, err, errCause)
	}
	for _, flag := range []int{3, os.O_RDONLY | os.O_CREATE, os.O_WRONLY | unix.O_NONBLOCK, -1} {
		_, err := fifo.Open(t.Context(), path, flag)
		wants(t, err, unix.EINVAL)
	}
	both, err := fifo.Open(t.Context(), path, os.O_RDWR)
	ok(t, errors.Join(err, both.Close()))
	ok(t, before.Left())
}
