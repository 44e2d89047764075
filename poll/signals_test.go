package poll_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/poll"
)

// signals, a child, has a signalfd, says what each backend tells when its parent has
// sent the signal, and which one it reads. What it catches came another way.
func signals(args []string) error {
	var mask unix.Sigset_t
	mask.Val[0] = 1 << (unix.SIGUSR1 - 1)
	fd, err := unix.Signalfd(-1, &mask, unix.SFD_NONBLOCK|unix.SFD_CLOEXEC)
	if err != nil {
		return err
	}
	source := os.NewFile(uintptr(fd), "signalfd")
	caught := make(chan os.Signal, 1)
	if slices.Contains(args, "catch") {
		signal.Notify(caught, unix.SIGUSR1)
	}
	kithtest.Say("ready")
	if slices.Contains(args, "catch") {
		kithtest.Say((<-caught).String())
	}
	for _, backend := range poll.Backends() {
		n, err := countReady(backend, source, slices.Contains(args, "catch"))
		if err != nil {
			return err
		}
		kithtest.Say(fmt.Sprint(backend, " ", n))
	}
	info := make([]byte, 128)
	_, err = source.Read(info)
	kithtest.Say(fmt.Sprint(binary.NativeEndian.Uint32(info), " ", err))
	return nil
}

func countReady(backend poll.Backend, source *os.File, try bool) (n int, err error) {
	set, err := poll.New(backend)
	if err != nil {
		return 0, err
	}
	defer set.Close()
	if _, err := set.Add(source, poll.Readable, poll.Level); err != nil {
		return 0, err
	}
	events := make([]poll.Event, 2)
	if try {
		return set.TryWait(events)
	}
	return set.Wait(context.Background(), events)
}

// blocked starts the child with the signal blocked in all its threads, as only
// who starts it can.
const blocked = `import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.execv(sys.argv[1], sys.argv[1:])`

func TestSignalfd(t *testing.T) {
	kithtest.Need(t, "/usr/bin/python3")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := kithtest.Command(t, "signals")
	child.Cmd.Path = "/usr/bin/python3"
	child.Cmd.Args = []string{"python3", "-c", blocked, program}
	child.Start()
	hears(t, child, "ready")
	if err := child.Cmd.Process.Signal(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	hears(t, child, "epoll 1", "poll 1", "select 1", "10 <nil>")
}

// A signalfd hears nothing of a signal that some thread does not block.
func TestSignalfdHearsNothing(t *testing.T) {
	child := kithtest.Command(t, "signals", "catch").Start()
	hears(t, child, "ready")
	if err := child.Cmd.Process.Signal(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	hears(t, child, "user defined signal 1", "epoll 0", "poll 0", "select 0")
	child.Kill()
}

func hears(t *testing.T, child *kithtest.Child, want ...string) {
	t.Helper()
	for _, want := range want {
		if line, err := child.Hear(); line != want || err != nil {
			t.Fatalf("it says %q, %v, want %q", line, err, want)
		}
	}
}
