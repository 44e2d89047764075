package fifo_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

func pipe(t testing.TB, capacity int) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := fifo.Pipe(capacity)
	kept(t, reader, err)
	return reader, kept(t, writer, err)
}

func capacity(t testing.TB, file *os.File) int {
	t.Helper()
	size, err := fifo.Capacity(file)
	ok(t, err)
	return size
}

func TestCapacity(t *testing.T) {
	page := os.Getpagesize()
	for wanted, want := range map[int]int{1: page, page: page, page + 1: 2 * page, 100000: 131072, 1 << 20: 1 << 20} {
		reader, writer := pipe(t, wanted)
		if got := capacity(t, reader); got != want {
			t.Errorf("a pipe of %d holds %d, want %d", wanted, got, want)
		}
		w, err := fifo.NewRecordWriter(writer)
		ok(t, err)
		if held := fill(t, w); held != want && page == fifo.MaxRecord {
			t.Errorf("a pipe of %d holds %d bytes", wanted, held)
		}
	}
}

// Enlarge never makes it smaller; SetCapacity does, but not below what is inside.
func TestResize(t *testing.T) {
	reader, writer := pipe(t, 8192)
	for size, want := range map[int]int{1: 8192, 0: 8192, -1: 8192, 8192: 8192} {
		if got, err := fifo.Enlarge(writer, size); got != want || err != nil {
			t.Errorf("enlarged to %d: %d, %v, want %d", size, got, err, want)
		}
	}
	if got, err := fifo.Enlarge(reader, 8193); got != 16384 || err != nil {
		t.Errorf("%d, %v, want 16384", got, err)
	}
	_, err := writer.Write(make([]byte, 5000))
	ok(t, err)
	_, err = fifo.SetCapacity(writer, 4096)
	wants(t, err, unix.EBUSY)
	if got, err := fifo.SetCapacity(writer, 5000); got != 8192 || err != nil {
		t.Errorf("%d, %v, want 8192", got, err)
	}
	_, err = io.ReadFull(reader, make([]byte, 5000))
	ok(t, err)
	if got, err := fifo.SetCapacity(writer, 4096); got != 4096 || err != nil {
		t.Errorf("%d, %v, want 4096", got, err)
	}
}

// Sizes of which the kernel would take the lower 32 bits are refused.
func TestResizeRefuses(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what was forgotten
	reader, writer := pipe(t, 0)
	before := capacity(t, reader)
	for _, size := range []int64{0, -1, 1<<31 + 1, 1 << 32, 1<<32 + 4096, -1 << 63} {
		if int64(int(size)) != size {
			continue // no int of this machine
		}
		_, err := fifo.SetCapacity(writer, int(size))
		wants(t, err, unix.EINVAL)
	}
	if after := capacity(t, reader); after != before {
		t.Errorf("%d became %d", before, after)
	}
	regular, err := os.CreateTemp(t.TempDir(), "")
	kept(t, regular, err)
	for _, call := range []func(*os.File) error{
		func(f *os.File) error { _, err := fifo.Capacity(f); return err },
		func(f *os.File) error { _, err := fifo.SetCapacity(f, 4096); return err },
		func(f *os.File) error { _, err := fifo.Enlarge(f, 4096); return err },
	} {
		wants(t, call(regular), unix.EBADF)
		closed, other := pipe(t, 0)
		ok(t, errors.Join(closed.Close(), other.Close()))
		wants(t, call(closed), os.ErrClosed)
	}
	before2 := kithtest.Hold()
	_, _, err = fifo.Pipe(-1)
	wants(t, err, unix.EINVAL)
	ok(t, before2.Left())
}

// A child of ours takes its end by Inherit, parked; one that is not ours finds it
// blocking, as programs expect.
func TestInherit(t *testing.T) {
	reader, writer := pipe(t, 0)
	child := kithtest.Command(t, "worker")
	child.Cmd.ExtraFiles = []*os.File{reader}
	they := &peer{child.Start(), t}
	ok(t, reader.Close())
	they.asks("ok", "inherit 3")
	they.tell("read")
	_, err := writer.WriteString("hello")
	ok(t, err)
	they.hears("got hello")
	ok(t, writer.Close())
	they.asks("end", "read")
	they.asks(errno(unix.EBADF), "inherit 99")

	reader, writer = pipe(t, 0)
	cat := exec.Command("cat")
	cat.Stdin = reader
	cat.Stderr = os.Stderr
	out, err := cat.StdoutPipe()
	ok(t, errors.Join(err, cat.Start(), reader.Close()))
	_, err = fmt.Fprint(writer, "to cat")
	ok(t, errors.Join(err, writer.Close()))
	text, err := io.ReadAll(out)
	ok(t, errors.Join(err, cat.Wait()))
	if string(text) != "to cat" {
		t.Errorf("cat says %q", text)
	}

	regular, err := os.CreateTemp(t.TempDir(), "")
	kept(t, regular, err)
	_, err = fifo.Inherit(regular.Fd(), "regular")
	wants(t, err, fifo.ErrNotFIFO)
}
