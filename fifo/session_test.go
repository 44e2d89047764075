package fifo_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

func openSessions(t testing.TB, path string) *fifo.Sessions {
	t.Helper()
	s, err := fifo.OpenSessions(path)
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// whole reads a session to its end.
func whole(t testing.TB, s *fifo.Sessions) string {
	t.Helper()
	ok(t, s.Next(t.Context()))
	text, err := io.ReadAll(s.Reader(t.Context()))
	ok(t, err)
	if n, err := s.Read(t.Context(), make([]byte, 9)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %d, %v", n, err)
	}
	return string(text)
}

func TestSessions(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(testing.TB) *peer) {
		path, they := made(t), start(t)
		s := openSessions(t, path)
		if _, err := s.Read(t.Context(), make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("before the first: %v, want EOF", err)
		}
		for _, word := range []string{"one", "two"} {
			next := kithtest.Go(func() error { return s.Next(t.Context()) })
			ok(t, next.Parked())
			they.asks("ok", "open w %s", path)
			ok(t, next.Wait())
			read := kithtest.Go(func() error {
				text := make([]byte, 9)
				n, err := s.Read(t.Context(), text)
				return errors.Join(err, equal(string(text[:n]), word))
			})
			ok(t, read.Parked())
			ok(t, s.Next(t.Context())) // one is under way
			they.asks("ok", "write %s", word)
			ok(t, read.Wait())
			end := kithtest.Go(func() error { _, err := s.Read(t.Context(), make([]byte, 9)); return err })
			ok(t, end.Parked())
			they.asks("ok", "close")
			if err := end.Wait(); !errors.Is(err, io.EOF) {
				t.Errorf("%v, want EOF", err)
			}
		}
	})
}

func equal(got, want string) error {
	if got != want {
		return fmt.Errorf("%q, want %q", got, want)
	}
	return nil
}

// Sessions without a byte are seen, each once, and so is one that was over before
// Next was called.
func TestEmptySessions(t *testing.T) {
	path, they := made(t), cPeer(t)
	s := openSessions(t, path)
	for _, word := range []string{"", "x", "", ""} {
		they.asks("ok", "open w %s", path)
		if word != "" {
			they.asks("ok", "write %s", word)
		}
		they.asks("ok", "close")
		if got := whole(t, s); got != word {
			t.Errorf("%q, want %q", got, word)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	next := kithtest.Go(func() error { return s.Next(ctx) }) // there is no other
	ok(t, next.Parked())
	reader := must(t, fifo.OpenReader, path) // nor is a reader one, which inotify tells of
	ok(t, reader.Close())
	ok(t, next.Parked())
	cancel(errCause)
	wants(t, next.Wait(), errCause)
}

// Writers come and go as fast as they can, and each finds a reader: nothing is lost,
// nobody gets EPIPE, and one who reads slowly sees all of it.
func TestStormOfSessions(t *testing.T) {
	for _, writers := range []int{1, 3} {
		t.Run(fmt.Sprint(writers), func(t *testing.T) { storm(t, writers) })
	}
}

func storm(t *testing.T, writers int) {
	path := made(t)
	s := openSessions(t, path)
	var shells []*peer
	for i := range writers {
		shells = append(shells, shell(t, fmt.Sprintf(`n=0; while [ $n -lt 500 ]; do n=$((n+1)); echo "%d $n" >"$1"; done; echo done`, i), path))
	}
	seen, sessions, lines := make([]int, writers), 0, 0
	for ; lines < 500*writers; sessions++ {
		ok(t, s.Next(t.Context()))
		text := bufio.NewScanner(s.Reader(t.Context()))
		for ; text.Scan(); lines++ {
			var writer, number int
			_, err := fmt.Sscan(text.Text(), &writer, &number)
			ok(t, err)
			if seen[writer]++; number != seen[writer] {
				t.Fatalf("writer %d says %d, want %d", writer, number, seen[writer])
			}
		}
		ok(t, text.Err())
	}
	for _, sh := range shells {
		sh.hears("done")
	}
	t.Logf("%d sessions of %d writers", sessions, lines)
}

// A cancelled call lost nothing: the same session goes on.
func TestSessionGoesOn(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	path, they := made(t), cPeer(t)
	s := openSessions(t, path)
	before := kithtest.Hold()
	for range 100 {
		ctx, cancel := context.WithCancelCause(t.Context())
		next := kithtest.Go(func() error { return s.Next(ctx) })
		they.tell("open w %s", path)
		cancel(errCause)
		if err := next.Wait(); err != nil {
			wants(t, err, errCause)
		}
		they.hears("ok")
		ok(t, s.Next(t.Context()))
		ctx, cancel = context.WithCancelCause(t.Context())
		var got string
		read := kithtest.Go(func() error {
			text := make([]byte, 9)
			n, err := s.Read(ctx, text)
			got = string(text[:n])
			return err
		})
		they.tell("write word")
		cancel(errCause)
		if err := read.Wait(); err != nil {
			wants(t, err, errCause)
			reads(t, s.Reader(t.Context()), "word")
		} else {
			ok(t, equal(got, "word"))
		}
		they.hears("ok")
		they.asks("ok", "close")
		ok(t, s.Next(t.Context())) // its end is still to be read
		if n, err := s.Read(t.Context(), nil); n != 0 || err != nil {
			t.Errorf("into no buffer: %d, %v", n, err)
		}
		_, err := s.Read(t.Context(), make([]byte, 1))
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	_, err := s.Read(endedContext(), make([]byte, 1))
	wants(t, err, errCause)
	wants(t, s.Next(endedContext()), errCause)
	ok(t, s.Close())
	ok(t, before.Left())
}

func TestCloseSessions(t *testing.T) {
	defer fifo.OnlyTold()()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what was forgotten
	path, they := made(t), cPeer(t)
	before := kithtest.Hold()
	s := openSessions(t, path)
	next := kithtest.Go(func() error { return s.Next(t.Context()) })
	ok(t, next.Parked())
	ok(t, s.Close())
	wants(t, next.Wait(), os.ErrClosed)
	wants(t, s.Next(t.Context()), os.ErrClosed)
	wants(t, s.Close(), os.ErrClosed)

	s = openSessions(t, path)
	they.asks("ok", "open w %s", path)
	ok(t, s.Next(t.Context()))
	read := kithtest.Go(func() error { _, err := s.Read(t.Context(), make([]byte, 9)); return err })
	ok(t, read.Parked())
	ok(t, s.Close())
	wants(t, read.Wait(), os.ErrClosed)
	they.asks(errno(unix.EPIPE), "write x")
	they.asks("ok", "close")

	s = openSessions(t, path) // between two sessions, when it has a second descriptor
	they.asks("ok", "open w %s", path)
	they.asks("ok", "close")
	whole(t, s)
	next = kithtest.Go(func() error { return s.Next(t.Context()) })
	ok(t, next.Parked())
	ok(t, s.Close())
	wants(t, next.Wait(), os.ErrClosed)
	ok(t, before.Left())
}

// Writers by the hundred are killed at any moment: a session ends with its last.
func TestKilledWritersEndTheirSession(t *testing.T) {
	path := made(t)
	s := openSessions(t, path)
	for range 100 {
		they := shell(t, `exec >"$1"; exec cat /dev/zero`, path)
		ok(t, s.Next(t.Context()))
		reader := s.Reader(t.Context())
		_, err := io.ReadFull(reader, make([]byte, 10000))
		ok(t, err)
		killed := kithtest.Go(func() error { they.Kill(); return nil })
		_, err = io.Copy(io.Discard, reader)
		ok(t, errors.Join(err, killed.Wait()))
	}
}

// What they wrote before we were there for them is theirs who come: the kernel keeps
// it as long as anybody has the FIFO open.
func TestNothingLostBetween(t *testing.T) {
	path, they := made(t), cPeer(t)
	s := openSessions(t, path)
	for i := range 50 {
		they.asks("ok", "open w %s", path)
		they.asks("ok", "write %d;", 2*i)
		they.asks("ok", "close")
		they.asks("ok", "open w %s", path)
		they.asks("ok", "write %d;", 2*i+1)
		they.asks("ok", "close")
		if want := fmt.Sprintf("%d;%d;", 2*i, 2*i+1); whole(t, s) != want {
			t.Errorf("not %q", want)
		}
	}
}

// A process that may not open the FIFO again still gets every byte.
func TestSessionsWithoutTheRightToReopen(t *testing.T) {
	they := asNobody(t)
	path := filepath.Join(directory(t), "fifo")
	makeAt(t, path)
	they.asks("ok", "sessions %s", path)
	ok(t, os.Chmod(path, 0))
	for i := range 20 {
		writer := startOpen(t.Context(), path, os.O_WRONLY).met(t) // we are root
		_, err := fmt.Fprintf(writer, "%d\n", i)
		ok(t, errors.Join(err, writer.Close()))
		they.asks(fmt.Sprintf("session %d", i), "session")
	}
}

func (w *working) session() (string, error) {
	if err := w.sessions.Next(context.Background()); err != nil {
		return "", err
	}
	text, err := io.ReadAll(w.sessions.Reader(context.Background()))
	return "session " + strings.TrimSpace(string(text)), err
}
