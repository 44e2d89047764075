package rendezvous

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/kithtest"
)

func TestTakesOverFromTheKilled(t *testing.T) {
	path := in(short(t))
	child := kithtest.Command(t, "own", path).Start()
	if heard, err := child.Hear(); heard != "listening" {
		t.Fatal(heard, err)
	}
	reach(t, path)
	child.Kill()
	if _, err := os.Lstat(path); err != nil {
		t.Fatalf("the dead one left no socket: %v", err)
	}
	if _, err := Dial(t.Context(), network, path); !errors.Is(err, driver.ErrNoListener) || !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("dial a dead one's socket: %v", err)
	}
	go answer(listening(t, path))
	reach(t, path)
}

func TestLivingOwnerKeepsIt(t *testing.T) {
	path := in(short(t))
	child := kithtest.Command(t, "own", path).Start()
	if heard, err := child.Hear(); heard != "listening" {
		t.Fatal(heard, err)
	}
	for _, network := range []string{"unixpacket", "unix"} { // a socket of another type lives, too
		before := kithtest.Hold(filepath.Dir(path))
		_, err := Listen(t.Context(), network, path, OnlyUs())
		if !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want EADDRINUSE with the path", network, err)
		}
		reach(t, path)
		if err := before.Left(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(child.Say("stop"), child.Wait()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Close left the name: %v", err)
	}
}

// A stopped owner whose queue is full is alive.
func TestFullQueueIsNoDeath(t *testing.T) {
	path := in(short(t))
	child := kithtest.Command(t, "own", path).Start()
	if heard, err := child.Hear(); heard != "listening" {
		t.Fatal(heard, err)
	}
	if err := child.Stop(); err != nil {
		t.Fatal(err)
	}
	var dialled []int
	defer func() {
		for _, fd := range dialled {
			_ = unix.Close(fd)
		}
	}()
	for {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		dialled = append(dialled, fd)
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Listen(t.Context(), network, path, OnlyUs()); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("%v, want EADDRINUSE", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	call := kithtest.Go(func() error { _, err := Dial(ctx, network, path); return err })
	cancel(reason)
	if err := call.Wait(); !errors.Is(err, reason) {
		t.Errorf("a dial that waits for room in the queue: %v, want the cause", err)
	}
}

func TestOtherFilesAreKept(t *testing.T) {
	directory := short(t)
	makers := map[string]func(string) error{
		"regular":   func(path string) error { return os.WriteFile(path, []byte("kept"), 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"fifo":      func(path string) error { return unix.Mkfifo(path, 0o600) },
		"symlink":   func(path string) error { return os.Symlink("nowhere", path) },
	}
	for what, make := range makers {
		path := filepath.Join(directory, what)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		was, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Listen(t.Context(), network, path, OnlyUs())
		if !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want EADDRINUSE with the path", what, err)
		}
		is, err := os.Lstat(path)
		if err != nil || !os.SameFile(was, is) || was.Mode() != is.Mode() || was.Size() != is.Size() {
			t.Errorf("%s: it was %v, and is %v, %v", what, was, is, err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(directory, "regular")); string(text) != "kept" || err != nil {
		t.Errorf("the regular file has %q, %v", text, err)
	}
}

func TestNoDirectory(t *testing.T) {
	path := filepath.Join(short(t), "none", "x")
	_, listening := Listen(t.Context(), network, path, OnlyUs())
	_, dialling := Dial(t.Context(), network, path)
	for _, err := range []error{listening, dialling} {
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), filepath.Dir(path)) {
			t.Errorf("%v", err)
		}
	}
	if !errors.Is(dialling, driver.ErrNoListener) {
		t.Errorf("%v, want ErrNoListener", dialling)
	}
}

// raceForSocket, in a child, wants the socket each time it is told to, and says
// whether it has it; told again, it gives it back.
func raceForSocket(args []string) error {
	for kithtest.Hear() == "go" {
		socket, err := Listen(context.Background(), network, args[0], OnlyUs())
		switch {
		case err == nil:
			go answer(socket)
			kithtest.Say("won")
		case errors.Is(err, unix.EADDRINUSE):
			kithtest.Say("lost")
		default:
			return err
		}
		kithtest.Hear()
		if socket != nil {
			if err := socket.Close(); err != nil {
				return err
			}
		}
		kithtest.Say("done")
	}
	return nil
}

func TestOneTakesOver(t *testing.T) {
	path := in(short(t))
	racers := []*kithtest.Child{
		kithtest.Command(t, "race", path).Start(), kithtest.Command(t, "race", path).Start(), kithtest.Command(t, "race", path).Start(),
	}
	tell := func(word string) (heard map[string]int) {
		heard = map[string]int{}
		for _, racer := range racers {
			if err := racer.Say(word); err != nil {
				t.Fatal(err)
			}
		}
		for _, racer := range racers {
			line, err := racer.Hear()
			if err != nil {
				t.Fatal(err)
			}
			heard[line]++
		}
		return heard
	}
	for round := range 200 {
		leave(t, path)
		if got := tell("go"); got["won"] != 1 || got["lost"] != len(racers)-1 {
			t.Fatalf("round %d: %v, want one that won", round, got)
		}
		reach(t, path)
		if got := tell("stop"); got["done"] != len(racers) {
			t.Fatalf("round %d: %v", round, got)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("round %d: the name stays: %v", round, err)
		}
	}
}

func TestCloseRemovesItsOwnInode(t *testing.T) {
	path := in(short(t))
	first := listening(t, path)
	if err := os.Rename(path, path+"moved"); err != nil {
		t.Fatal(err)
	}
	go answer(listening(t, path))
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	reach(t, path) // the name is another's now
}

// listenWithUmask, in a child, since a umask is the process's.
func listenWithUmask(args []string) error {
	unix.Umask(0)
	socket, err := Listen(context.Background(), network, args[0], OnlyUs())
	if err != nil {
		return err
	}
	info, err := os.Lstat(args[0])
	if err != nil {
		return err
	}
	kithtest.Say(info.Mode().String())
	return socket.Close()
}

// From the start: the directory's events tell of no mode that changed.
func TestModeFromTheStart(t *testing.T) {
	directory := short(t)
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, directory, unix.IN_CREATE|unix.IN_ATTRIB|unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	child := kithtest.Command(t, "umask", in(directory)).Start()
	if heard, err := child.Hear(); heard != "Srw-------" {
		t.Error(heard, err)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(events(t, watch)), fmt.Sprint([]uint32{unix.IN_CREATE, unix.IN_DELETE}); got != want {
		t.Errorf("events %s, want %s: it was there with another mode", got, want)
	}
}

func events(t *testing.T, watch int) (masks []uint32) {
	t.Helper()
	text := make([]byte, 4096)
	n, err := unix.Read(watch, text)
	if err != nil {
		t.Fatal(err)
	}
	for text = text[:n]; len(text) > 0; { // inotify(7): wd, mask, cookie, length of the name
		masks = append(masks, binary.NativeEndian.Uint32(text[4:]))
		text = text[unix.SizeofInotifyEvent+binary.NativeEndian.Uint32(text[12:]):]
	}
	return masks
}

// holdLock, in a child, holds the lock of a path's directory until told.
func holdLock(args []string) error {
	unlock, err := LockDirectory(context.Background(), args[0])
	if err != nil {
		return err
	}
	kithtest.Say("locked")
	kithtest.Hear()
	unlock()
	kithtest.Say("unlocked")
	return nil
}

func TestLockHeldByAnother(t *testing.T) {
	path := in(short(t))
	child := kithtest.Command(t, "hold lock", path).Start()
	if heard, err := child.Hear(); heard != "locked" {
		t.Fatal(heard, err)
	}
	before := kithtest.Hold(filepath.Dir(path))
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	call := kithtest.Go(func() error { _, err := Listen(ctx, network, path, OnlyUs()); return err })
	if err := call.Parked(); err != nil {
		t.Error(err)
	}
	cancel(reason)
	if err := call.Wait(); !errors.Is(err, reason) || !strings.Contains(err.Error(), filepath.Dir(path)) {
		t.Errorf("cancelled: %v, want the cause and the directory", err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	for _, end := range []func(){func() { _ = child.Say("unlock") }, func() { child.Kill() }} {
		call := kithtest.Go(func() error {
			socket, err := Listen(t.Context(), network, path, OnlyUs())
			if err == nil {
				err = socket.Close()
			}
			return err
		})
		if err := call.Parked(); err != nil {
			t.Error(err)
		}
		end()
		if err := call.Wait(); err != nil {
			t.Errorf("the lock was given back: %v", err)
		}
		child = kithtest.Command(t, "hold lock", path).Start() // for the next turn: to be killed
		if heard, err := child.Hear(); heard != "locked" {
			t.Fatal(heard, err)
		}
	}
}

func TestAbsentListener(t *testing.T) {
	directory := short(t)
	regular := filepath.Join(directory, "regular")
	if err := os.WriteFile(regular, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(directory, "stale")
	leave(t, stale)
	if _, err := Dial(t.Context(), network, regular); !errors.Is(err, unix.ENOTSOCK) || !strings.Contains(err.Error(), regular) {
		t.Errorf("%v, want ENOTSOCK", err)
	}
	for _, path := range []string{filepath.Join(directory, "none"), stale} {
		_, err := Dial(t.Context(), network, path)
		if !errors.Is(err, driver.ErrNoListener) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want ErrNoListener", path, err)
		}
	}
	var opError *net.OpError
	if _, err := Dial(t.Context(), "unix", in(directory)); !errors.As(err, &opError) {
		t.Errorf("%v hides what the kernel said", err)
	}
}
