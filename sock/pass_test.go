package sock_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/sock"
)

// A child reads the files it is passed, and says what it read.
func readPassed([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	record := make([]byte, 16)
	n, files, err := sock.Receive(socket, record, 2)
	if err != nil {
		return err
	}
	defer sock.CloseAll(files)
	for _, file := range files {
		text := make([]byte, 16)
		length, err := file.ReadAt(text, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		kithtest.Say(string(record[:n]) + " " + string(text[:length]))
	}
	return nil
}

func TestFilesReachAnotherProcess(t *testing.T) {
	socket, child := startWith(t, "read passed")
	if err := sock.Send(socket, []byte("record"), temporary(t, "one"), temporary(t, "two")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"record one", "record two"} {
		if heard, err := child.Hear(); heard != want {
			t.Errorf("the child said %q, %v, want %q", heard, err, want)
		}
	}
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

// A child passes the writing end of a pipe, and dies: what it wrote before, and
// the end, arrive through our copy of the reading end alone.
func passPipe([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	if _, err := writer.WriteString("last words"); err != nil {
		return err
	}
	return sock.Send(socket, []byte("pipe"), reader)
}

func TestPassedFileOutlivesItsSender(t *testing.T) {
	socket, child := startWith(t, "pass pipe")
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	_, files, err := sock.Receive(socket, make([]byte, 8), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.CloseAll(files)
	if text, err := io.ReadAll(files[0]); string(text) != "last words" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	flags, err := unix.FcntlInt(files[0].Fd(), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v: it would leak into children", flags, err)
	}
}

func TestWrongCountClosesAll(t *testing.T) {
	a, b := pair(t)
	for _, c := range []struct{ sent, want int }{{0, 1}, {1, 0}, {1, 2}, {3, 2}, {sock.MaxFiles, 1}} {
		files := slices.Repeat([]*os.File{os.Stdin}, c.sent)
		before := descriptors(t)
		if err := sock.Send(a, []byte("x"), files...); err != nil {
			t.Fatal(err)
		}
		_, got, err := sock.Receive(b, make([]byte, 8), c.want)
		if !errors.Is(err, sock.ErrFiles) || got != nil {
			t.Errorf("%d sent, %d wanted: %v, %v, want ErrFiles", c.sent, c.want, got, err)
		}
		if after := descriptors(t); after != before {
			t.Errorf("%d sent, %d wanted: %d descriptors, %d before", c.sent, c.want, after, before)
		}
	}
	if err := sock.Send(a, []byte("still there")); err != nil {
		t.Error(err)
	}
	if n, _, err := sock.Receive(b, make([]byte, 16), 0); n != len("still there") || err != nil {
		t.Errorf("%d, %v: a wrong count broke the socket", n, err)
	}
}

func TestMoreFilesThanTheKernelPasses(t *testing.T) {
	a, _ := pair(t)
	err := sock.Send(a, []byte("x"), slices.Repeat([]*os.File{os.Stdin}, sock.MaxFiles+1)...)
	if !errors.Is(err, unix.EINVAL) {
		t.Errorf("%v, want EINVAL", err)
	}
}

// A child which may open few files gets more than that: the kernel drops some
// and says so. All the others have to be closed.
func receiveWithFewFiles(args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	socket, err := inherited()
	if err != nil {
		return err
	}
	before := kithtest.Hold()
	limit := lowestFree() + 2
	err = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(limit), Max: uint64(limit)})
	if err != nil {
		return err
	}
	record := make([]byte, 8)
	n, files, receiving := sock.Receive(socket, record, count)
	if free := lowestFree() + 2; free != limit {
		return fmt.Errorf("descriptors stay open: %d more", free-limit)
	}
	if err := before.Left(); err != nil {
		return err
	}
	kithtest.Say(fmt.Sprintf("%s %v %d", record[:n], errors.Is(receiving, sock.ErrFiles), len(files)))
	return nil
}

// lowestFree is the descriptor that the kernel would give next.
func lowestFree() int {
	fd, err := unix.Dup(0)
	if err != nil {
		return -1
	}
	_ = unix.Close(fd)
	return fd
}

func TestDescriptorLimitOfTheReceiver(t *testing.T) {
	// Five were sent. Two fit: to want two must not make it look right.
	for _, want := range []int{5, 2, 1} {
		socket, child := startWith(t, "few files", strconv.Itoa(want))
		if err := sock.Send(socket, []byte("x"), slices.Repeat([]*os.File{os.Stdin}, 5)...); err != nil {
			t.Fatal(err)
		}
		if heard, err := child.Hear(); heard != "x true 0" {
			t.Errorf("want %d: %q, %v", want, heard, err)
		}
		if err := child.Wait(); err != nil {
			t.Errorf("want %d: %v", want, err)
		}
	}
}

// SCM_CREDENTIALS beside SCM_RIGHTS is no descriptor, and does not hide one.
func TestCredentialsBesideFiles(t *testing.T) {
	a, b := pair(t)
	err := sys.Control(b, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	if err != nil {
		t.Fatal(err)
	}
	for count := range 3 {
		before := descriptors(t)
		if err := sock.Send(a, []byte("x"), slices.Repeat([]*os.File{os.Stdin}, count)...); err != nil {
			t.Fatal(err)
		}
		n, files, err := sock.Receive(b, make([]byte, 8), count)
		if n != 1 || len(files) != count || err != nil {
			t.Errorf("%d passed: %d bytes, %d files, %v", count, n, len(files), err)
		}
		sock.CloseAll(files)
		if after := descriptors(t); after != before {
			t.Errorf("%d passed: %d descriptors, %d before", count, after, before)
		}
	}
}

func TestReceiveEnds(t *testing.T) {
	a, b := pair(t)
	waiting := kithtest.Go(func() error { _, _, err := sock.Receive(b, make([]byte, 8), 0); return err })
	if err := waiting.Parked(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := waiting.Wait(); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want EOF", err)
	}
	if err := sock.Send(b, []byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("send to nobody: %v, want EPIPE", err)
	}
}

// A child sends when it is told to, or is killed.
func passOnWord([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	return sock.Send(socket, []byte(kithtest.Hear()))
}

func TestReceiveWaitsForTheOtherProcess(t *testing.T) {
	for _, kill := range []bool{false, true} {
		socket, child := startWith(t, "pass on word")
		record := make([]byte, 8)
		var n int
		waiting := kithtest.Go(func() (err error) { n, _, err = sock.Receive(socket, record, 0); return err })
		if err := waiting.Parked(); err != nil {
			t.Error(err)
		}
		if kill {
			child.Kill()
			if err := waiting.Wait(); !errors.Is(err, io.EOF) {
				t.Errorf("killed: %v, want EOF", err)
			}
			continue
		}
		if err := errors.Join(child.Say("word"), waiting.Wait()); err != nil || !bytes.Equal(record[:n], []byte("word")) {
			t.Errorf("%q, %v", record[:n], err)
		}
	}
}

func TestDeadlineInterrupts(t *testing.T) {
	a, b := pair(t)
	receiving := kithtest.Go(func() error { _, _, err := sock.Receive(b, make([]byte, 8), 0); return err })
	full := []byte(strings.Repeat("x", 1024))
	sending := kithtest.Go(func() error {
		for {
			if err := sock.Send(b, full); err != nil {
				return err
			}
		}
	})
	for _, call := range []struct {
		*kithtest.Call
		setDeadline func(time.Time) error
	}{{receiving, b.SetReadDeadline}, {sending, b.SetWriteDeadline}} {
		if err := call.Parked(); err != nil {
			t.Error(err)
		}
		if err := call.setDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if err := call.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, want os.ErrDeadlineExceeded", err)
		}
	}
	if err := errors.Join(b.SetReadDeadline(time.Time{}), sock.Send(a, []byte("later"))); err != nil {
		t.Fatal(err)
	}
	if n, _, err := sock.Receive(b, make([]byte, 8), 0); n != len("later") || err != nil {
		t.Errorf("after the deadline: %d, %v", n, err)
	}
}

func TestClosedSocket(t *testing.T) {
	a, b := pair(t)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, receiving := sock.Receive(a, make([]byte, 8), 0)
	for _, err := range []error{receiving, sock.Send(a, []byte("x")), sock.Send(b, []byte("x"), a)} {
		var errno syscall.Errno
		if err == nil || errors.As(err, &errno) {
			t.Errorf("%v, want that the file is closed", err)
		}
	}
}
