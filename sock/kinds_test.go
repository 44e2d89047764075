package sock_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/sock"
)

// Descriptors of every kind pass, and are of the same open file.
func TestFilesOfEveryKind(t *testing.T) {
	made := func(fd int, err error) *os.File {
		if err != nil {
			t.Fatal(err)
		}
		file := os.NewFile(uintptr(fd), "")
		t.Cleanup(func() { _ = file.Close() })
		return file
	}
	files := []*os.File{
		holding(t, "x")[0],
		temporary(t, "x"),
		made(unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)),
		made(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)),
		made(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)),
		made(unix.MemfdCreate("x", unix.MFD_CLOEXEC)),
		made(unix.PidfdOpen(os.Getpid(), 0)),
		made(unix.EpollCreate1(unix.EPOLL_CLOEXEC)),
		made(unix.Eventfd(0, unix.EFD_CLOEXEC)),
		made(unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)),
		made(unix.InotifyInit1(unix.IN_CLOEXEC)),
		made(unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)),
	}
	for _, kind := range kinds {
		a, b := pair(t, kind)
		send(t, a, "all", files...)
		_, m := receive(t, b, len(files))
		for i, file := range files {
			if !same(t, file, m.Files[i]) {
				t.Errorf("%v: file %d is another one", kind, i)
			}
		}
	}
}

// same compares the open files: by inode; kinds without one of their own all have the
// same, and other numbers in fdinfo.
func same(t *testing.T, a, b *os.File) bool {
	t.Helper()
	one, err1 := a.Stat()
	other, err2 := b.Stat()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return os.SameFile(one, other)
}

// A socket may carry itself, and be forgotten so: the kernel finds out that nobody
// can receive it any more, and closes what it carries.
func TestSocketInItself(t *testing.T) {
	for _, kind := range kinds {
		one, other, err := sock.Pair(kind)
		if err != nil {
			t.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		a, b := on(t, one), on(t, other)
		send(t, a, "itself", one, other)
		_, m := receive(t, b, 2)
		again := on(t, m.Files[1])
		send(t, a, "through itself", one, other, w)
		got, through := receive(t, again, 3)
		if got != "through itself" {
			t.Errorf("%q", got)
		}
		through.Close()
		send(t, a, "forgotten", one, other, w)
		_, _ = w.Close(), a.Close()
		m.Close()
		_ = b.Close()
		nudge(t)
		if got := readAll(t, r); got != "" {
			t.Errorf("%q", got)
		}
	}
}

// nudge makes the kernel look for sockets that nobody can reach: it does when a
// socket is closed.
func nudge(t *testing.T) {
	t.Helper()
	one, other, err := sock.Pair(sock.Stream)
	if err != nil {
		t.Fatal(err)
	}
	sock.CloseAll([]*os.File{one, other})
}

// The offset and the status flags are shared.
func TestOffsetIsShared(t *testing.T) {
	a, b := pair(t, sock.Packet)
	file := temporary(t, "0123456789")
	send(t, a, "x", file)
	_, m := receive(t, b, 1)
	if _, err := m.Files[0].Seek(4, 0); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, file); got != "456789" {
		t.Errorf("%q", got)
	}
}

// A pipe that was non-blocking parks where it arrives, too.
func TestPassedPipeParks(t *testing.T) {
	a, b := pair(t, sock.Packet)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer sock.CloseAll([]*os.File{r, w})
	send(t, a, "x", r)
	_, m := receive(t, b, 1)
	var flags int
	_ = sys.Control(m.Files[0], func(fd int) (err error) { flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); return err })
	if flags&unix.O_NONBLOCK == 0 {
		t.Errorf("%#x", flags)
	}
	if err := m.Files[0].SetReadDeadline(sys.Past); err != nil {
		t.Errorf("it cannot park: %v", err)
	}
}
