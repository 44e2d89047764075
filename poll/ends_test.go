package poll_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/mq"
)

// told is a source that becomes ready by a word to the peer, and ends by a read.
func told(t *testing.T, p peer, file *os.File, order string, args ...any) source {
	t.Helper()
	return source{file, func() { p.order(t, order, args...) }, func() { read(t, file, 4096) }}
}

// file owns a descriptor.
func file(t *testing.T, name string, fd int, err error) *os.File {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// number is the descriptor of a file, which goes on to be non-blocking.
func number(t testing.TB, f syscall.Conn) (n int) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { n = int(fd) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// shared is another descriptor of the same file, for the peer.
func shared(t *testing.T, f *os.File) *os.File {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(number(t, f)), unix.F_DUPFD_CLOEXEC, 0)
	return file(t, f.Name(), fd, err)
}

func pipeSource(t *testing.T, start start) source {
	r, w := pipe(t)
	return told(t, start(w), r, "write")
}

func fifoSource(t *testing.T, start start) source {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	r := file(t, path, fd, err)
	p := start(nil)
	p.order(t, "open %s", path)
	return told(t, p, r, "write")
}

func pair(t *testing.T, kind int) (mine, theirs *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return file(t, "mine", fds[0], err), file(t, "theirs", fds[1], err)
}

func socketSource(t *testing.T, start start) source {
	mine, theirs := pair(t, unix.SOCK_STREAM)
	return told(t, start(theirs), mine, "write")
}

// listen returns what the peer is to be told, so that it connects.
func listen(t *testing.T, network, address string) (l net.Listener, order string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if tcp, is := l.Addr().(*net.TCPAddr); is {
		return l, fmt.Sprintf("tcp %d", tcp.Port)
	}
	return l, "unix " + l.Addr().String()
}

// accepted is our end of a connection which the peer has made.
func accepted(t *testing.T, p peer, network, address string) net.Conn {
	t.Helper()
	l, order := listen(t, network, address)
	p.order(t, "%s", order)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func tcpSource(t *testing.T, start start) source {
	p := start(nil)
	conn := accepted(t, p, "tcp", "127.0.0.1:0")
	return source{conn.(syscall.Conn), func() { p.order(t, "write") }, func() { _, _ = conn.Read(make([]byte, 64)) }}
}

func listenerSource(t *testing.T, start start) source {
	return listening(t, start, "unix", filepath.Join(t.TempDir(), "socket"))
}

func tcpListenerSource(t *testing.T, start start) source {
	return listening(t, start, "tcp", "127.0.0.1:0")
}

func listening(t *testing.T, start start, network, address string) source {
	p := start(nil)
	l, order := listen(t, network, address)
	return source{l.(syscall.Conn), func() { p.order(t, "%s", order) }, func() {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}}
}

func eventfd(t *testing.T) *os.File {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return file(t, "eventfd", fd, err)
}

func eventfdSource(t *testing.T, start start) source {
	mine := eventfd(t)
	return told(t, start(shared(t, mine)), mine, "write")
}

func timerfdSource(t *testing.T, start start) source {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	mine := file(t, "timerfd", fd, err)
	return told(t, start(shared(t, mine)), mine, "expire")
}

func pidfdSource(t *testing.T, start start) source {
	p := start(nil)
	fd, err := unix.PidfdOpen(p.Cmd.Process.Pid, unix.PIDFD_NONBLOCK)
	return source{file(t, "pidfd", fd, err), func() { _ = p.Say("exit") }, nil}
}

func inotifySource(t *testing.T, start start) source {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	mine := file(t, "inotify", fd, err)
	directory := t.TempDir()
	if _, err := unix.InotifyAddWatch(fd, directory, unix.IN_CREATE); err != nil {
		t.Fatal(err)
	}
	return told(t, start(nil), mine, "touch %s", filepath.Join(directory, "new"))
}

func terminal(t *testing.T) (keys, screen *os.File) {
	t.Helper()
	keys, screen = kithtest.OpenTerminal(t)
	t.Cleanup(func() { _, _ = keys.Close(), screen.Close() })
	return keys, screen
}

func terminalSource(t *testing.T, start start) source {
	keys, screen := terminal(t)
	return told(t, start(screen), keys, "write")
}

func epollSource(t *testing.T, start start) source {
	inner := eventfdSource(t, start)
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	outer := file(t, "epoll", fd, err)
	if err := unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, number(t, inner.conn), &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		t.Fatal(err)
	}
	return source{outer, inner.ready, inner.drain}
}

func queue(t *testing.T) *mq.Queue {
	t.Helper()
	kithtest.NeedKernel(t, "mqueue")
	name := fmt.Sprintf("/kith-poll-%d", os.Getpid())
	q, err := mq.Create(name, 0o600, mq.Attributes{Messages: 2, Size: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = q.Close(), mq.Unlink(name) })
	return q
}

func queueSource(t *testing.T, start start) source {
	q, p := queue(t), start(nil)
	return source{q, func() { p.order(t, "post %s", q.Name()) }, func() {
		if _, _, err := q.TryReceive(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
	}}
}

func notificationSource(t *testing.T, start start) source {
	q, p := queue(t), start(nil)
	n, err := q.Notify()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return source{n, func() { p.order(t, "post %s", q.Name()) }, nil}
}
