package sock_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	ossignal "os/signal"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sock"
)

// A child reads the files it is passed, and says what it read.
func readPassed([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	record := make([]byte, 16)
	m, err := socket.Receive(background, record, sock.Exactly(2))
	if err != nil {
		return err
	}
	defer m.Close()
	for _, file := range m.Files {
		text := make([]byte, 16)
		length, err := file.ReadAt(text, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		kithtest.Say(string(record[:m.N]) + " " + string(text[:length]))
	}
	return nil
}

func TestFilesReachAnotherProcess(t *testing.T) {
	for _, kind := range kinds {
		socket, child := give(t, kind, kithtest.Command(t, "read passed"))
		send(t, socket, "record", temporary(t, "one"), temporary(t, "two"))
		for _, want := range []string{"record one", "record two"} {
			if heard, err := child.Hear(); heard != want {
				t.Errorf("the child said %q, %v, want %q", heard, err, want)
			}
		}
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
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
	return socket.Send(background, []byte("pipe"), reader)
}

func TestPassedFileOutlivesItsSender(t *testing.T) {
	socket, child := startWith(t, "pass pipe")
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	_, m := receive(t, socket, 1)
	if text := readAll(t, m.Files[0]); text != "last words" {
		t.Errorf("read %q", text)
	}
	closedOnExec(t, m.Files[0])
}

// What comes in another number than was expected is closed, to the last one.
func TestCounts(t *testing.T) {
	for _, kind := range kinds {
		a, b := pair(t, kind)
		for _, c := range []struct {
			sent     int
			expected sock.Count
			fits     bool
		}{
			{0, sock.Exactly(0), true}, {1, sock.Exactly(1), true}, {sock.MaxFiles, sock.Exactly(sock.MaxFiles), true},
			{0, sock.Exactly(1), false}, {1, sock.Exactly(0), false}, {1, sock.Exactly(2), false}, {3, sock.Exactly(2), false},
			{sock.MaxFiles, sock.Exactly(1), false}, {sock.MaxFiles, sock.Exactly(sock.MaxFiles - 1), false},
			{0, sock.AtMost(0), true}, {0, sock.AtMost(2), true}, {1, sock.AtMost(2), true}, {2, sock.AtMost(2), true},
			{3, sock.AtMost(2), false}, {sock.MaxFiles, sock.AtMost(sock.MaxFiles), true}, {1, sock.Count{}, false},
		} {
			before := descriptors(t)
			send(t, a, "x", slices.Repeat([]*os.File{os.Stdin}, c.sent)...)
			m, err := b.Receive(t.Context(), make([]byte, 8), c.expected)
			if c.fits && (len(m.Files) != c.sent || err != nil) || !c.fits && (!errors.Is(err, sock.ErrFiles) || m.Files != nil) || m.N != 1 {
				t.Errorf("%v: %d sent, %v expected: %v, %v", kind, c.sent, c.expected, m, err)
			}
			m.Close()
			if after := descriptors(t); after != before {
				t.Errorf("%v: %d sent, %v expected: %d descriptors, %d before", kind, c.sent, c.expected, after, before)
			}
		}
		send(t, a, "still there")
		if got := text(t, b); got != "still there" {
			t.Errorf("%v: %q: a wrong count broke the socket", kind, got)
		}
	}
}

func TestMoreFilesThanTheKernelPasses(t *testing.T) {
	for _, kind := range kinds {
		a, _ := pair(t, kind)
		err := a.Send(t.Context(), []byte("x"), slices.Repeat([]*os.File{os.Stdin}, sock.MaxFiles+1)...)
		if err := isLimit(err, unix.EINVAL, "SCM_MAX_FD"); err != nil {
			t.Error(err)
		}
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
	m, receiving := socket.Receive(background, record, sock.AtMost(count))
	if free := lowestFree() + 2; free != limit {
		return fmt.Errorf("descriptors stay open: %d more", free-limit)
	}
	if err := errors.Join(before.Left(), isLimit(receiving, unix.EMFILE, "RLIMIT_NOFILE")); err != nil {
		return err
	}
	kithtest.Say(fmt.Sprintf("%s %v %d", record[:m.N], errors.Is(receiving, sock.ErrFiles), len(m.Files)))
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
		send(t, socket, "x", slices.Repeat([]*os.File{os.Stdin}, 5)...)
		if heard, err := child.Hear(); heard != "x true 0" {
			t.Errorf("want %d: %q, %v", want, heard, err)
		}
		if err := child.Wait(); err != nil {
			t.Errorf("want %d: %v", want, err)
		}
	}
}

// SCM_CREDENTIALS and SCM_PIDFD beside SCM_RIGHTS are no descriptors, and hide none.
func TestCredentialsBesideFiles(t *testing.T) {
	a, b := pair(t, sock.Packet)
	if err := b.PassCred(true); err != nil {
		t.Fatal(err)
	}
	for count := range 3 {
		before := descriptors(t)
		send(t, a, "x", slices.Repeat([]*os.File{os.Stdin}, count)...)
		m, err := b.Receive(t.Context(), make([]byte, 8), sock.Exactly(count))
		if m.N != 1 || len(m.Files) != count || err != nil {
			t.Errorf("%d passed: %v, %v", count, m, err)
		}
		m.Close()
		if after := descriptors(t); after != before {
			t.Errorf("%d passed: %d descriptors, %d before", count, after, before)
		}
	}
}

func TestReceiveEnds(t *testing.T) {
	for _, kind := range []sock.Kind{sock.Stream, sock.Packet} {
		a, b := pair(t, kind)
		waiting := kithtest.Go(func() error { _, err := b.Receive(t.Context(), make([]byte, 8), sock.Exactly(0)); return err })
		if err := waiting.Parked(); err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := waiting.Wait(); !errors.Is(err, io.EOF) {
			t.Errorf("%v, want EOF", err)
		}
		if err := b.Send(t.Context(), []byte("x")); !errors.Is(err, unix.EPIPE) {
			t.Errorf("send to nobody: %v, want EPIPE", err)
		}
	}
}

// Whoever sends to nobody gets an error, and no SIGPIPE.
func TestNoSIGPIPE(t *testing.T) {
	signals := make(chan os.Signal, 2)
	ossignal.Notify(signals, unix.SIGPIPE, unix.SIGWINCH)
	defer ossignal.Stop(signals)
	a, b := pair(t, sock.Stream)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	wants(t, a.Send(t.Context(), []byte("x")), unix.EPIPE)
	if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil { // which comes after it
		t.Fatal(err)
	}
	if got := <-signals; got != unix.SIGWINCH {
		t.Errorf("%v", got)
	}
}

// CloseSend is an end for the peer, who can still answer.
func TestCloseSend(t *testing.T) {
	for _, kind := range []sock.Kind{sock.Stream, sock.Packet} {
		a, b := pair(t, kind)
		send(t, a, "last")
		if err := a.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if got := text(t, b); got != "last" {
			t.Errorf("%q", got)
		}
		_, err := b.Receive(t.Context(), make([]byte, 8), sock.Exactly(0))
		wants(t, err, io.EOF)
		send(t, b, "answer")
		if got := text(t, a); got != "answer" {
			t.Errorf("%q", got)
		}
		wants(t, a.Send(t.Context(), []byte("x")), unix.EPIPE)
	}
}

// A child sends when it is told to, or is killed.
func passOnWord([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	return socket.Send(background, []byte(kithtest.Hear()))
}

func TestReceiveWaitsForTheOtherProcess(t *testing.T) {
	for _, kill := range []bool{false, true} {
		socket, child := startWith(t, "pass on word")
		record := make([]byte, 8)
		var m sock.Message
		waiting := kithtest.Go(func() (err error) { m, err = socket.Receive(t.Context(), record, sock.Exactly(0)); return err })
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
		if err := errors.Join(child.Say("word"), waiting.Wait()); err != nil || !bytes.Equal(record[:m.N], []byte("word")) {
			t.Errorf("%q, %v", record[:m.N], err)
		}
	}
}

func TestClosedSocket(t *testing.T) {
	a, b := pair(t, sock.Packet)
	file := temporary(t, "")
	if err := errors.Join(a.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	_, receiving := a.Receive(t.Context(), make([]byte, 8), sock.Exactly(0))
	_, taking := a.TryReceive(make([]byte, 8), sock.Exactly(0))
	_, accepting := a.Accept(t.Context())
	_, again := sock.On(file)
	_, peer := sock.Peer(a)
	for i, err := range []error{
		receiving, taking, accepting, again, peer, a.Send(t.Context(), []byte("x")), a.TrySend([]byte("x")), a.Listen(),
		a.CloseSend(), a.Bind("", 0), a.Connect(t.Context(), "x"), b.Send(t.Context(), []byte("x"), file), a.PassCred(true), a.Close(),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%d: %v, want os.ErrClosed", i, err)
		}
	}
}
