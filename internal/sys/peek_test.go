package sys

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// It tells the three states apart, and takes nothing.
func TestPeekPipe(t *testing.T) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	if err := PeekPipe(fds[0]); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("with a writer: %v, want EAGAIN", err)
	}
	if _, err := unix.Write(fds[1], []byte("xy")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := PeekPipe(fds[0]); !errors.Is(err, unix.EFAULT) {
			t.Errorf("with data: %v, want EFAULT", err)
		}
	}
	_ = unix.Close(fds[1])
	if err := PeekPipe(fds[0]); !errors.Is(err, unix.EFAULT) {
		t.Errorf("with data, and no writer: %v, want EFAULT", err)
	}
	if n, err := unix.Read(fds[0], make([]byte, 9)); n != 2 || err != nil {
		t.Errorf("%d bytes are there, %v, want 2", n, err)
	}
	if err := PeekPipe(fds[0]); err != nil {
		t.Errorf("with nobody: %v", err)
	}
	if err := PeekPipe(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("without a pipe: %v, want EBADF", err)
	}
}
