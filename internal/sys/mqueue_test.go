package sys_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
)

// Where O_NONBLOCK is off, the kernel would let these calls wait.
func TestMqDoesNotWait(t *testing.T) {
	kithtest.NeedKernel(t, "mqueue")
	name := fmt.Sprintf("kith-sys-%d", os.Getpid())
	fd, err := sys.MqOpen(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600, &sys.MqAttr{Messages: 1, Size: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := sys.MqUnlink(name); err != nil {
		t.Fatal(err)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v: it would leak into children", flags, err)
	}
	buffer := make([]byte, 8)
	if _, _, err := sys.MqReceive(fd, buffer); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("from an empty queue: %v", err)
	}
	if err := sys.MqSend(fd, []byte("x"), 7); err != nil {
		t.Fatal(err)
	}
	if err := sys.MqSend(fd, []byte("y"), 7); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("to a full queue: %v", err)
	}
	attributes, err := sys.MqAttributes(fd)
	if want := (sys.MqAttr{Messages: 1, Size: 8, Current: 1}); err != nil || *attributes != want {
		t.Errorf("%+v, %v, want %+v", attributes, err, want)
	}
	if n, priority, err := sys.MqReceive(fd, buffer); n != 1 || priority != 7 || err != nil {
		t.Errorf("%d, %d, %v", n, priority, err)
	}
}

// The notification comes to the socket, as the kernel's 32 bytes.
func TestMqNotify(t *testing.T) {
	kithtest.NeedKernel(t, "mqueue")
	name := fmt.Sprintf("kith-sys-%d", os.Getpid())
	fd, err := sys.MqOpen(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := sys.MqUnlink(name); err != nil {
		t.Fatal(err)
	}
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	for want, end := range map[byte]func() error{
		sys.MqArrived: func() error { return sys.MqSend(fd, nil, 0) },
		sys.MqRemoved: func() error { return sys.MqForget(fd) },
	} {
		if err := errors.Join(sys.MqNotify(fd, socket), end()); err != nil {
			t.Fatal(err)
		}
		cookie := make([]byte, 2*sys.MqCookie)
		n, err := unix.Read(socket, cookie)
		if n != sys.MqCookie || cookie[n-1] != want || err != nil {
			t.Errorf("%d bytes, %x, %v, want the last to be %d", n, cookie, err, want)
		}
	}
}
