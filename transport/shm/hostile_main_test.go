package shm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/kithtest"
	"kith/internal/rendezvous"
	memory "kith/shm"
	"kith/sock"
	"kith/transport/shm"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"hostile dialer":   dialWithTricks,
		"hostile listener": listenWithTricks,
	})
	kithtest.Main(m)
}

// The tests' rings are small, but for the trick with the size.
const (
	ringSize    = 4096
	segmentSize = 4096 + ringSize // control words, then the ring
)

// hostile is the side that a child plays with raw sockets.
type hostile struct {
	front *net.UnixConn
	files []*os.File // ours, to be closed
}

// file makes a memfd of the size, as honest or not as flags, seals and what is
// allocated of it.
func (h *hostile) file(size, allocated int64, seals, flags int) *os.File {
	fd, err := unix.MemfdCreate("hostile", flags|unix.MFD_CLOEXEC)
	if err != nil {
		return os.Stdin // of a kernel without huge pages; no memory either
	}
	file := h.keep(os.NewFile(uintptr(fd), "hostile"))
	_ = file.Truncate(size)
	if allocated > 0 {
		_ = unix.Fallocate(fd, 0, 0, allocated)
	}
	if seals != 0 {
		_ = memory.Seal(file, seals)
	}
	return file
}

func (h *hostile) keep(file *os.File) *os.File {
	h.files = append(h.files, file)
	return file
}

// honest is a segment that nothing is wrong with.
func (h *hostile) honest() *os.File {
	return h.file(segmentSize, segmentSize, memory.WriterSeals, unix.MFD_ALLOW_SEALING)
}

// socket makes a pair of sockets, and keeps one end of it.
func (h *hostile) socket(kind int) *os.File {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	h.keep(os.NewFile(uintptr(fds[0]), "ours"))
	return h.keep(os.NewFile(uintptr(fds[1]), "theirs"))
}

// second is the socket that a dialer passes beside its segment.
func (h *hostile) second() *os.File { return h.socket(unix.SOCK_SEQPACKET | unix.SOCK_NONBLOCK) }

func (h *hostile) close() {
	_ = h.front.Close()
	for _, file := range h.files {
		_ = file.Close()
	}
}

func honestHello() rendezvous.Hello {
	hello := rendezvous.NewHello(rendezvous.Shared, 1<<20)
	hello.Ring = ringSize
	return hello
}

// say sends a record with descriptors, and no more.
func (h *hostile) say(record []byte, files ...*os.File) {
	if front, err := sock.On(h.front); err == nil {
		_ = front.Send(context.Background(), record, files...)
		front.Detach()
	}
}

// hear waits until the other side has answered, or left.
func (h *hostile) hear() string {
	record := make([]byte, 2*rendezvous.HelloSize)
	_ = h.front.SetReadDeadline(time.Now().Add(30 * time.Second))
	n, err := h.front.Read(record)
	if err != nil {
		return "left"
	}
	if _, err := rendezvous.ParseHello(record[:n], rendezvous.Shared); err != nil {
		return "refused"
	}
	return "taken"
}

func directory(t testing.TB) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}

func address(t testing.TB, path string) driver.Address {
	t.Helper()
	a, err := driver.ParseAddress("shm:" + path + "?ring=4k&limit=1m")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func rawListener(t testing.TB) *net.UnixListener {
	t.Helper()
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Net: "unixpacket", Name: filepath.Join(directory(t), "x")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// answer takes the next dialer of a raw listener, and shakes hands with it as
// a kith listener does.
func answer(ctx context.Context, listener *net.UnixListener) (driver.Conn, error) {
	socket, err := listener.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return shm.Answer(ctx, socket, driver.Address{}, shm.Options{Limit: 1 << 20, Ring: ringSize})
}

// typed wants an error that says the peer is at fault.
func typed(err error, want error) error {
	if !errors.Is(err, want) {
		return errors.Join(fmt.Errorf("want %w, got", want), err)
	}
	return nil
}
