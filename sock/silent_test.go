package sock_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sock"
)

// takeSilent, a child, receives a descriptor, and says whether Go's poller goes on.
func takeSilent([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	m, err := socket.Receive(background, make([]byte, 8), sock.Exactly(1))
	if err != nil {
		return err
	}
	defer m.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	read := kithtest.Go(func() error { _, err := io.ReadFull(reader, make([]byte, 1)); return err })
	_, err = writer.WriteString("x")
	err = errors.Join(err, read.Wait())
	kithtest.Say("goes on")
	kithtest.Hear()
	return err
}

// A file that is received asks its server nothing: one that is silent would stop all
// that waits in Go's poller. Nor does an epoll that has such a file.
func TestReceivesFromSilentServer(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	for name, wrap := range map[string]func(t *testing.T, server *kithtest.Child, file int) int{
		"file":  func(_ *testing.T, _ *kithtest.Child, file int) int { return file },
		"epoll": epollOf,
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			server := kithtest.Python(t, "../poll/testdata/fuse.py", directory).Start()
			if said, err := server.Hear(); said != "mounted" || err != nil {
				t.Fatal(said, err)
			}
			t.Cleanup(func() {
				if err := unix.Unmount(directory, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			fd, err := unix.Open(filepath.Join(directory, "file"), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			socket, child := startWith(t, "take silent")
			pass(t, socket, wrap(t, server, fd))
			asked := make(chan struct{})
			go func() {
				if said, err := server.Hear(); err == nil {
					t.Errorf("the server was asked: %s", said)
					server.Kill() // or the child hangs for ever
				}
				close(asked)
			}()
			if said, err := child.Hear(); said != "goes on" || err != nil {
				t.Errorf("%s, %v", said, err)
			}
			if err := errors.Join(child.Say("enough"), child.Wait()); err != nil {
				t.Error(err)
			}
			server.Kill()
			<-asked
		})
	}
}

// pass sends a descriptor that Go must not look at either.
func pass(t *testing.T, s *sock.Socket, fd int) {
	t.Helper()
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(socket uintptr) {
		err = unix.Sendmsg(int(socket), []byte("x"), unix.UnixRights(fd), nil, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// epollOf is an epoll in which the file is ready, until the epoll asks again.
func epollOf(t *testing.T, server *kithtest.Child, file int) int {
	t.Helper()
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	answered := server.Say("answer") // in advance, as we wait for it in the kernel
	err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, file, &unix.EpollEvent{Events: unix.EPOLLIN})
	said, heard := server.Hear()
	if err = errors.Join(answered, err, heard, unix.SetNonblock(fd, true)); err != nil || said != "poll" {
		t.Fatal(said, err)
	}
	return fd
}

// What asks nobody parks in Go's poller, if its sender made it non-blocking.
func TestReceivedParks(t *testing.T) {
	socket, sender := pair(t, sock.Packet)
	for name, open := range map[string]func(flags int) (int, error){
		"eventfd": func(flags int) (int, error) { return unix.Eventfd(1, unix.EFD_CLOEXEC|flags) },
		"regular": func(flags int) (int, error) { return unix.Open("/proc/self/mounts", unix.O_CLOEXEC|flags, 0) },
	} {
		for flags, parks := range map[int]bool{0: false, unix.O_NONBLOCK: name == "eventfd"} {
			fd, err := open(flags)
			if err != nil {
				t.Fatal(err)
			}
			pass(t, sender, fd)
			_ = unix.Close(fd)
			_, m := receive(t, socket, 1)
			closedOnExec(t, m.Files[0])
			if _, err := m.Files[0].Read(make([]byte, 8)); err != nil {
				t.Errorf("%s, %#x: %v", name, flags, err)
			}
			if err := m.Files[0].SetReadDeadline(time.Time{}); (err == nil) != parks {
				t.Errorf("%s, %#x: %v", name, flags, err)
			}
			m.Close()
		}
	}
}
