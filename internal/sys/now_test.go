package sys_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/sock"
)

// blocking is a pair of sockets that block, as a peer can make those it shares.
func blocking(t *testing.T) (a, b *os.File) {
	t.Helper()
	a, b, err := sock.Pair(sock.Packet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	for _, file := range []*os.File{a, b} {
		if err := sys.Control(file, func(fd int) error { return unix.SetNonblock(fd, false) }); err != nil {
			t.Fatal(err)
		}
	}
	return a, b
}

// at runs a call which must not block: it holds a thread if it does.
func at(t *testing.T, file *os.File, call func(int, []byte) (int, error), p []byte) (n int, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = errors.Join(sys.Control(file, func(fd int) (err error) { n, err = call(fd, p); return err }))
	}()
	select {
	case <-done:
		return n, err
	case <-time.After(10 * time.Second):
		t.Fatal("the call blocks")
		return 0, nil
	}
}

func TestNowNeverBlocks(t *testing.T) {
	a, b := blocking(t)
	if n, err := at(t, a, sys.ReceiveNow, make([]byte, 8)); n != 0 || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("with nothing there: %d, %v", n, err)
	}
	sent := 0
	for {
		n, err := at(t, a, sys.SendNow, []byte("knock"))
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if n != 5 || err != nil {
			t.Fatal(n, err)
		}
		sent++
	}
	record := make([]byte, 16)
	for range sent {
		if n, err := at(t, b, sys.ReceiveNow, record); err != nil || string(record[:n]) != "knock" {
			t.Fatalf("%q, %v", record[:n], err)
		}
	}
	if n, err := at(t, b, sys.ReceiveNow, record); n != 0 || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("after the last: %d, %v", n, err)
	}
}

func TestNowWithoutAPeer(t *testing.T) {
	a, b := blocking(t)
	_ = b.Close()
	if n, err := at(t, a, sys.SendNow, []byte{1}); n != 0 || !errors.Is(err, unix.EPIPE) {
		t.Errorf("sent %d, %v", n, err)
	}
	if n, err := at(t, a, sys.ReceiveNow, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("received %d, %v", n, err)
	}
	if _, err := sys.SendNow(-1, []byte{1}); !errors.Is(err, unix.EBADF) {
		t.Errorf("to no descriptor: %v", err)
	}
}

func TestAgain(t *testing.T) {
	results := []error{unix.EINTR, os.NewSyscallError("read", unix.EINTR), unix.EIO, nil}
	if err := sys.Again(func() error { err := results[0]; results = results[1:]; return err }); !errors.Is(err, unix.EIO) || len(results) != 1 {
		t.Errorf("%v with %d results left", err, len(results))
	}
}

func TestExhausted(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, unix.EMFILE: true, os.NewSyscallError("mmap", unix.ENOMEM): true, unix.ENFILE: true,
		unix.ENOSPC: true, unix.ENOBUFS: true, unix.EPIPE: false, os.ErrDeadlineExceeded: false,
	} {
		if got := sys.Exhausted(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
