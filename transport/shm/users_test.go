package shm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
	"kith/internal/rendezvous"
	"kith/sock"
)

func init() { kithtest.Register(map[string]kithtest.Func{"other user": tryAll}) }

const otherUser = 1003

// attempts are what a peer may try on the memory that it was given. They succeed on
// memory that is not sealed.
var attempts = map[string]func(fd int) error{
	"write":  func(fd int) error { _, err := unix.Pwrite(fd, []byte("x"), ringSize); return err },
	"shrink": func(fd int) error { return unix.Ftruncate(fd, 4096) },
	"grow":   func(fd int) error { return unix.Ftruncate(fd, 2*segmentSize) },
	"punch": func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096)
	},
	"extend": func(fd int) error { return unix.Fallocate(fd, 0, 0, 2*segmentSize) },
	"seal": func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_EXEC)
		return err
	},
	"map": func(fd int) error {
		return mapped(fd, unix.PROT_READ|unix.PROT_WRITE, func([]byte) error { return nil })
	},
	"unprotect": func(fd int) error {
		return onReadable(fd, func(b []byte) error { return unix.Mprotect(b, unix.PROT_WRITE) })
	},
	"remove": func(fd int) error {
		return onReadable(fd, func(b []byte) error { return unix.Madvise(b, unix.MADV_REMOVE) })
	},
	"mode":  func(fd int) error { return unix.Fchmod(fd, 0o600) },
	"owner": func(fd int) error { return unix.Fchown(fd, otherUser, -1) },
	"reopen cut": func(fd int) error {
		return reopened(fd, unix.O_RDWR|unix.O_TRUNC, func(fd int) error { return cut(fd) })
	},
}

func mapped(fd, protection int, use func([]byte) error) error {
	bytes, err := unix.Mmap(fd, 0, segmentSize, protection, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return errors.Join(use(bytes), unix.Munmap(bytes))
}

func onReadable(fd int, use func([]byte) error) error { return mapped(fd, unix.PROT_READ, use) }

func reopened(fd, flags int, use func(fd int) error) error {
	again, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(again)
	return use(again)
}

// cut tells whether O_TRUNC had an effect.
func cut(fd int) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Size < segmentSize {
		return err
	}
	return unix.EPERM
}

// succeeded lists what a descriptor, or the same file opened anew, lets the process do.
func succeeded(file func() int) (names []string) {
	for name, attempt := range attempts {
		if attempt(file()) == nil {
			names = append(names, name)
		}
		if reopened(file(), unix.O_RDWR, attempt) == nil {
			names = append(names, name+" reopened")
		}
	}
	return names
}

// tryAll, in a child of another user, dials as an honest peer does, and then tries on
// the memory that it got, and on the process at the other end, what it can think of.
func tryAll(args []string) error {
	conn, err := net.Dial("unixpacket", args[0])
	if err != nil {
		return err
	}
	h := &hostile{front: conn.(*net.UnixConn)}
	defer h.close()
	unsealed := func() int {
		return int(h.file(segmentSize, segmentSize, 0, unix.MFD_ALLOW_SEALING).Fd())
	}
	if could := succeeded(unsealed); len(could) != 2*len(attempts) {
		return fmt.Errorf("of what should succeed without seals only these do: %q", could)
	}
	h.say(honestHello().Bytes(), h.honest(), h.second())
	front, err := sock.On(h.front)
	if err != nil {
		return err
	}
	defer front.Detach()
	record := make([]byte, rendezvous.HelloSize)
	m, err := front.Receive(context.Background(), record, sock.Exactly(1))
	if err != nil {
		return err
	}
	defer m.Close()
	given := int(m.Files[0].Fd())
	if err := onReadable(given, func([]byte) error { return nil }); err != nil {
		return fmt.Errorf("it cannot even be read: %w", err)
	}
	names := succeeded(func() int { return given })
	kithtest.Say("succeeded: " + strings.Join(append(names, intrusions(os.Getppid(), args[1])...), ", "))
	kithtest.Hear()
	return nil
}

// intrusions are the ways into the process at the other end that are open.
func intrusions(pid int, descriptor string) (names []string) {
	if _, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil {
		names = append(names, "list descriptors")
	}
	for _, file := range []string{"mem", "maps", "fd/" + descriptor} {
		if f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, file)); err == nil {
			names = append(names, "open "+file)
			_ = f.Close()
		}
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return append(names, err.Error())
	}
	defer unix.Close(pidfd)
	if fd, err := unix.PidfdGetfd(pidfd, 0, 0); err == nil {
		names = append(names, "take a descriptor")
		_ = unix.Close(fd)
	}
	if unix.PidfdSendSignal(pidfd, 0, nil, 0) == nil {
		names = append(names, "signal")
	}
	return names
}

// A peer of another user, whom we admitted, can read the memory that we gave it. Nothing
// else: the file belongs to us, has mode 0777, and is protected by its seals alone.
func TestOtherUserOnlyReads(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	place := directory(t)
	if err := os.Chmod(place, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(place, "x")
	listener, err := kith.Listen(t.Context(), "shm:"+path+"?ring=4k", kith.Mode(0o666), kith.AllowUsers(otherUser))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	open, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	child := kithtest.Command(t, "other user", path, fmt.Sprint(open.Fd()))
	child.Cmd.Dir = "/"
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
	child.Start()
	conn, err := listener.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if heard, err := child.Hear(); heard != "succeeded: " || err != nil {
		t.Errorf("%q, %v", heard, err)
	}
	if err := conn.Send(t.Context(), []byte("still here")); err != nil {
		t.Error(err)
	}
}

// The seals are what a listener asks of another user's memory, too.
func TestOtherUsersTricks(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	listener := rawListener(t)
	path := listener.Addr().String()
	if err := errors.Join(os.Chmod(filepath.Dir(path), 0o755), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	child := kithtest.Command(t, "hostile dialer", path)
	child.Cmd.Dir = "/"
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
	child.Start()
	for _, trick := range append(tricks, dialerTricks...) {
		before := kithtest.Hold()
		if err := child.Say(trick.name); err != nil {
			t.Fatal(err)
		}
		conn, err := answer(t.Context(), listener)
		if err == nil {
			_ = conn.Close()
		}
		if err := typed(err, trick.want); err != nil {
			t.Errorf("%s: %v", trick.name, err)
		}
		if heard, err := child.Hear(); heard != "refused" && heard != "left" {
			t.Errorf("%s: the dialer was told: %q, %v", trick.name, heard, err)
		}
		if err := before.Left(); err != nil {
			t.Errorf("%s: %v", trick.name, err)
		}
	}
}
