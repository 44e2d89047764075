package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	exitINT  = exitSignal + int(syscall.SIGINT)
	exitTERM = exitSignal + int(syscall.SIGTERM)
)

func TestInterruptWhileListening(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		for _, args := range [][]string{{"recv", address, "out"}, {"send", "--listen", address, "/dev/zero"}} {
			for signal, status := range map[os.Signal]int{syscall.SIGINT: exitINT, syscall.SIGTERM: exitTERM} {
				p := newPlace(t)
				k := p.start(args)
				k.listening()
				k.signal(signal)
				k.expect(status, "kith: interrupted")
				p.wantLeft()
			}
		}
	})
}

// The sender waits for standard input, which does not keep it.
func TestInterruptSender(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		r, s := p.startMidway(address)
		s.signal(syscall.SIGINT)
		s.expect(exitINT, "kith: interrupted")
		r.expect(exitPeerDied, "or gave up")
		p.wantLeft()
	})
}

func TestInterruptReceiver(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		p := newPlace(t)
		r, s := p.startMidway(address)
		r.signal(syscall.SIGTERM)
		r.expect(exitTERM, "kith: interrupted")
		s.expect(exitFailed, "the receiver failed: interrupted")
		p.wantLeft()
	})
}

// Nobody reads the receiver's output, so that both sides are blocked.
func TestInterruptBlockedTransfer(t *testing.T) {
	everyTransport(t, func(t *testing.T, address string) {
		for _, signalled := range []string{"sender", "receiver"} {
			p := newPlace(t)
			reader, out := pipe(t)
			r := p.start([]string{"recv", address}, stdout(out))
			_ = out.Close()
			s := p.start([]string{"send", r.listening(), "/dev/zero"})
			if _, err := reader.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if signalled == "sender" {
				s.signal(syscall.SIGINT)
				s.expect(exitINT, "")
				_, _ = io.Copy(io.Discard, reader)
				r.expect(exitPeerDied, "standard output is incomplete")
			} else {
				r.signal(syscall.SIGINT)
				r.expect(exitINT, "")
				s.expect(exitFailed, "the receiver failed: interrupted")
			}
			p.wantLeft()
		}
	})
}

// A FIFO that nobody has opened at its other end blocks in open(2).
func TestInterruptBlockedOpen(t *testing.T) {
	for _, command := range []string{"send", "recv"} {
		p := newPlace(t)
		if err := unix.Mkfifo(p.path("fifo"), 0o600); err != nil {
			t.Fatal(err)
		}
		k := p.start([]string{command, "unix:a", "fifo"})
		awaitBlockedOpen(t, k.Process.Pid)
		k.signal(syscall.SIGINT)
		k.expect(exitINT, "kith: interrupted")
		p.wantLeft("fifo")
	}
}

// awaitBlockedOpen waits until a thread of the process is in open(2).
func awaitBlockedOpen(t *testing.T, pid int) {
	t.Helper()
	awaitBlocked(t, pid, strconv.Itoa(unix.SYS_OPENAT)+" ")
}

// awaitBlocked waits until a thread of the process is in a system call, of which that is the
// number and the first arguments. The kernel tells of that nobody who does not ask.
func awaitBlocked(t *testing.T, pid int, call string) {
	t.Helper()
	pattern := "/proc/" + strconv.Itoa(pid) + "/task/*/syscall"
	seen := 0
	for range time.Tick(time.Millisecond) {
		threads, _ := filepath.Glob(pattern)
		if len(threads) == 0 {
			t.Fatalf("process %d is gone", pid)
		}
		if !anyIn(call, threads) {
			seen = 0
		} else if seen++; seen == 3 { // in a row, for any other is soon over
			return
		}
	}
}

func anyIn(call string, threads []string) bool {
	for _, thread := range threads {
		text, _ := os.ReadFile(thread)
		if strings.HasPrefix(string(text), call) {
			return true
		}
	}
	return false
}

// The first signal asks, the second kills.
func TestSecondInterruptKills(t *testing.T) {
	said, out := pipe(t)
	k := exec.CommandContext(t.Context(), "stubborn")
	k.Stdout = out
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(said)
	for _, want := range []string{"ready\n", "interrupted (interrupt)\n"} {
		if got, err := lines.ReadString('\n'); got != want || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		_ = k.Process.Signal(syscall.SIGINT)
	}
	_ = k.Wait()
	if status := k.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("ended by %v, want by SIGINT", k.ProcessState)
	}
}

// stubborn is a process that one signal does not end.
func stubborn() {
	ctx, _ := untilInterrupted(context.Background())
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	select {}
}
