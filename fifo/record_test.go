package fifo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
	"kith/ipc"
)

// records writes to a FIFO whose reader is ours, too.
func records(t testing.TB, path string) (*fifo.RecordWriter, *os.File) {
	t.Helper()
	reader := must(t, fifo.OpenReader, path)
	writer := must(t, fifo.OpenWriter, path)
	w, err := fifo.NewRecordWriter(writer)
	ok(t, err)
	t.Cleanup(func() { _ = w.Close() })
	return w, reader
}

// fill leaves less room than a record of a page.
func fill(t testing.TB, w *fifo.RecordWriter) (held int) {
	t.Helper()
	page := make([]byte, fifo.MaxRecord)
	for {
		err := w.TryWrite(page)
		if errors.Is(err, fifo.ErrFull) {
			wants(t, err, unix.EAGAIN)
			return held
		}
		ok(t, err)
		held += len(page)
	}
}

func TestRecordRefused(t *testing.T) {
	w, reader := records(t, made(t))
	for _, write := range []func([]byte) error{w.TryWrite, func(r []byte) error { return w.Write(t.Context(), r) }} {
		err := write(make([]byte, fifo.MaxRecord+1))
		wants(t, err, unix.EMSGSIZE)
		if limit, is := errors.AsType[*ipc.LimitError](err); !is || limit.Limit != "PIPE_BUF" || limit.Max != 4096 {
			t.Errorf("%v, want the limit PIPE_BUF", err)
		}
		wants(t, write(nil), unix.EINVAL)
	}
	wants(t, w.Write(endedContext(), []byte("x")), errCause)
	ok(t, w.Close())
	if rest, err := io.ReadAll(reader); len(rest) != 0 || err != nil {
		t.Errorf("%d bytes were written, %v", len(rest), err)
	}
}

// Who waits for room, and is cancelled, has written nothing; who is not, all.
func TestRecordWaits(t *testing.T) {
	w, reader := records(t, made(t))
	held := fill(t, w)
	ctx, cancel := context.WithCancelCause(t.Context())
	var calls []*kithtest.Call
	for range 50 {
		calls = append(calls, kithtest.Go(func() error { return w.Write(ctx, bytes.Repeat([]byte("x"), 3000)) }))
	}
	ok(t, kithtest.Parked(calls...))
	patient := kithtest.Go(func() error { return w.Write(t.Context(), bytes.Repeat([]byte("y"), 4000)) })
	ok(t, patient.Parked())
	cancel(errCause)
	for _, call := range calls {
		wants(t, call.Wait(), errCause)
	}
	ok(t, patient.Parked())
	_, err := io.ReadFull(reader, make([]byte, 100)) // which frees nothing: no page
	ok(t, err)
	ok(t, patient.Parked())
	_, err = io.ReadFull(reader, make([]byte, held-100))
	ok(t, err)
	ok(t, patient.Wait())
	ok(t, w.Close())
	rest, err := io.ReadAll(reader)
	if ok(t, err); !bytes.Equal(rest, bytes.Repeat([]byte("y"), 4000)) {
		t.Errorf("%d bytes are there, of a record of 4000", len(rest))
	}
}

// The end of a context races with the room that comes.
func TestRecordCancelRaces(t *testing.T) {
	w, reader := records(t, made(t))
	record, buffer := bytes.Repeat([]byte("x"), 4096), make([]byte, 4096)
	held, written := fill(t, w), 0
	for range 500 {
		ctx, cancel := context.WithCancelCause(t.Context())
		call := kithtest.Go(func() error { return w.Write(ctx, record) })
		go cancel(errCause)
		_, err := io.ReadFull(reader, buffer)
		ok(t, err)
		held -= 4096
		if err := call.Wait(); err == nil {
			written++
			held += 4096
		} else {
			wants(t, err, errCause)
			ok(t, w.Write(t.Context(), record))
			held += 4096
		}
	}
	ok(t, w.Close())
	rest, err := io.ReadAll(reader)
	if ok(t, err); len(rest) != held {
		t.Errorf("%d bytes are there, want %d", len(rest), held)
	}
	t.Logf("%d of 500 were written", written)
}

// Nobody reads: an error, and the process lives, by default actions, too.
func TestRecordWithoutReader(t *testing.T) {
	w, reader := records(t, made(t))
	fill(t, w)
	waits := kithtest.Go(func() error { return w.Write(t.Context(), make([]byte, 4096)) })
	ok(t, waits.Parked())
	ok(t, reader.Close())
	wants(t, waits.Wait(), unix.EPIPE)
	wants(t, w.TryWrite([]byte("x")), unix.EPIPE)

	path := made(t)
	child := kithtest.Command(t, "worker")
	end := must(t, fifo.OpenBoth, path)
	child.Cmd.ExtraFiles = []*os.File{must(t, fifo.OpenWriter, path)}
	they := &peer{child.Start(), t}
	ok(t, errors.Join(child.Cmd.ExtraFiles[0].Close(), end.Close()))
	they.asks("ok", "inherit 3")
	they.asks(errno(unix.EPIPE), "flood x 10")
	they.asks(errno(unix.EPIPE), "flood x 10") // still there
}

func TestNewRecordWriterRefuses(t *testing.T) {
	folder := directory(t)
	path := filepath.Join(folder, "fifo")
	makeAt(t, path)
	regular, err := os.Create(filepath.Join(folder, "regular"))
	kept(t, regular, err)
	_, err = fifo.NewRecordWriter(regular)
	wants(t, err, fifo.ErrNotFIFO)
	reader := must(t, fifo.OpenReader, path)
	_, err = fifo.NewRecordWriter(reader)
	wants(t, err, unix.EBADF)
	fd, err := unix.Open(path, unix.O_WRONLY, 0)
	ok(t, err)
	blocking := kept(t, os.NewFile(uintptr(fd), path), nil)
	_, err = fifo.NewRecordWriter(blocking)
	wants(t, err, os.ErrNoDeadline)
	w, _ := records(t, path)
	ok(t, w.Close())
	wants(t, w.Close(), os.ErrClosed)
	wants(t, w.TryWrite([]byte("x")), os.ErrClosed)
	wants(t, w.Write(t.Context(), []byte("x")), os.ErrClosed)
	ok(t, blocking.Close())
	_, err = fifo.NewRecordWriter(blocking)
	wants(t, err, os.ErrClosed)
}

func TestCloseUnderRecords(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what was forgotten
	before := kithtest.Hold()
	w, reader := records(t, made(t))
	fill(t, w)
	var calls []*kithtest.Call
	for range 20 {
		calls = append(calls, kithtest.Go(func() error { return w.Write(t.Context(), make([]byte, 4096)) }))
	}
	ok(t, kithtest.Parked(calls...))
	ok(t, w.Close())
	for _, call := range calls {
		wants(t, call.Wait(), os.ErrClosed)
	}
	ok(t, reader.Close())
	ok(t, before.Left())
}

// Records of the letter i are of this size, so a torn one leaves a run that is no
// multiple of it.
func sizeOf(letter byte) int {
	return map[byte]int{'a': 1, 'b': 100, 'c': 1000, 'd': 3000, 'e': 4095, 'f': 4096}[letter]
}

// untorn checks what comes, run by run, and returns how many bytes.
func untorn(reader io.Reader) (total int, err error) {
	buffer, last, run := make([]byte, 65536), byte(0), 0
	for {
		n, err := reader.Read(buffer)
		for _, letter := range buffer[:n] {
			if letter != last && last != 0 && run%sizeOf(last) != 0 {
				return total, fmt.Errorf("%d bytes of %q, want a multiple of %d", run, last, sizeOf(last))
			}
			if letter != last {
				last, run = letter, 0
			}
			run++
		}
		total += n
		if errors.Is(err, io.EOF) {
			if last != 0 && run%sizeOf(last) != 0 {
				return total, fmt.Errorf("at the end, %d bytes of %q", run, last)
			}
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Many processes write at full speed, in C, Python and Go, records of all sizes,
// and are killed: no two records mix, and none is torn.
func TestRecordsStayWhole(t *testing.T) {
	path := made(t)
	reader := must(t, fifo.OpenReader, path)
	var all []*peer
	for letter, start := range map[string]func(testing.TB) *peer{"a": goPeer, "b": cPeer, "c": pythonPeer, "d": goPeer, "e": cPeer, "f": goPeer} {
		they := start(t)
		they.asks("ok", "open w %s", path)
		they.tell("flood %s %d", letter, sizeOf(letter[0]))
		all = append(all, they)
	}
	var total int
	reading := kithtest.Go(func() (err error) { total, err = untorn(io.LimitReader(reader, 30<<20)); return err })
	<-reading.Done()
	rest := kithtest.Go(func() error { _, err := io.Copy(io.Discard, reader); return err })
	for _, they := range all {
		they.Kill()
	}
	if err := errors.Join(reading.Wait(), rest.Wait()); err != nil && total < 30<<20 {
		t.Error(err)
	}
}

// Writers are killed by the hundred, in the midst of it.
func TestKilledWritersTearNothing(t *testing.T) {
	path := made(t)
	both := must(t, fifo.OpenBoth, path) // so there is no end before ours
	reader := must(t, fifo.OpenReader, path)
	result := kithtest.Go(func() error { _, err := untorn(reader); return err })
	letters := "abcdef"
	for range 60 {
		var some []*peer
		for _, start := range []func(testing.TB) *peer{cPeer, cPeer, cPeer} {
			they := start(t)
			letter := letters[rand.IntN(len(letters))]
			they.asks("ok", "open w %s", path)
			they.tell("flood %c %d", letter, sizeOf(letter))
			some = append(some, they)
		}
		for _, they := range some {
			they.Kill()
		}
	}
	ok(t, both.Close())
	ok(t, result.Wait())
}

// Readers are killed by the hundred: the writer learns of it, lives, and goes on
// with the next.
func TestKilledReaders(t *testing.T) {
	path := made(t)
	before := kithtest.Hold(filepath.Dir(path))
	for i := range 150 {
		they := &peer{kithtest.Peer(t, exec.Command("cat", path)).Start(), t}
		if i%2 == 0 {
			they.blocked()
		}
		w, err := fifo.NewRecordWriter(startOpen(t.Context(), path, os.O_WRONLY).met(t))
		ok(t, err)
		go they.Kill()
		for err == nil {
			err = w.Write(t.Context(), bytes.Repeat([]byte("x"), 63)) // a line for cat's reader is never complete
		}
		wants(t, err, unix.EPIPE)
		ok(t, w.Close())
		they.Kill()
	}
	ok(t, before.Left())
}
