package fifo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

// all splices to the end.
func all(ctx context.Context, from, to fifo.End) (total int, err error) {
	for {
		n, err := fifo.Splice(ctx, from, to, 1<<20)
		total += n
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func random(n int) []byte {
	data, source := make([]byte, n), rand.NewChaCha8([32]byte{})
	_, _ = source.Read(data)
	return data
}

// From a file through a pipe into a socket, from the socket through a FIFO into a
// file, all at once, without a byte in our memory: what arrives is what was there.
func TestSpliceChain(t *testing.T) {
	folder, data := t.TempDir(), random(3<<20+123)
	source, err := os.Create(filepath.Join(folder, "source"))
	kept(t, source, err)
	_, err = source.Write(data)
	ok(t, err)
	_, err = source.Seek(0, io.SeekStart)
	ok(t, err)
	target, err := os.Create(filepath.Join(folder, "target"))
	kept(t, target, err)
	near, far := sockets(t)
	out, in := pipe(t, 0)
	path := made(t)
	end := must(t, fifo.OpenReader, path)
	start := must(t, fifo.OpenWriter, path)

	steps := []*kithtest.Call{
		kithtest.Go(func() error { _, err := all(t.Context(), source, in); return errors.Join(err, in.Close()) }),
		kithtest.Go(func() error { _, err := all(t.Context(), out, near); return errors.Join(err, near.CloseWrite()) }),
		kithtest.Go(func() error { _, err := all(t.Context(), far, start); return errors.Join(err, start.Close()) }),
		kithtest.Go(func() error { _, err := all(t.Context(), end, target); return err }),
	}
	for _, step := range steps {
		ok(t, step.Wait())
	}
	got, err := os.ReadFile(target.Name())
	if ok(t, err); !bytes.Equal(got, data) {
		t.Errorf("%d bytes arrived, of %d, or others", len(got), len(data))
	}
}

func sockets(t testing.TB) (near, far *net.UnixConn) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	ok(t, err)
	defer listener.Close()
	dialed, err := net.Dial("unix", listener.Addr().String())
	ok(t, err)
	accepted, err := listener.Accept()
	ok(t, err)
	t.Cleanup(func() { _, _ = dialed.Close(), accepted.Close() })
	return dialed.(*net.UnixConn), accepted.(*net.UnixConn)
}

// Both ends are waited for, parked; a context ends the wait, and what is there stays.
func TestTransfersWait(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what was forgotten
	calls := map[string]func(ctx context.Context, from, to *os.File) (int, error){
		"splice": func(ctx context.Context, from, to *os.File) (int, error) { return fifo.Splice(ctx, from, to, 100) },
		"tee":    func(ctx context.Context, from, to *os.File) (int, error) { return fifo.Tee(ctx, from, to, 100) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			before := kithtest.Hold()
			from, source := pipe(t, 0)
			target, to := pipe(t, 4096)
			ended := transferring(t, endedContext(), call, from, to)
			wants(t, ended.Wait(), errCause)

			ctx, cancel := context.WithCancelCause(t.Context())
			empty := transferring(t, ctx, call, from, to) // waits for data
			ok(t, empty.Parked())
			cancel(errCause)
			wants(t, empty.Wait(), errCause)

			patient := transferring(t, t.Context(), call, from, to)
			ok(t, patient.Parked())
			_, err := source.WriteString("hello")
			ok(t, err)
			ok(t, patient.Wait())
			reads(t, target, "hello")
			if name == "tee" {
				reads(t, from, "hello")
			}

			_, err = to.Write(make([]byte, 4096))
			ok(t, err)
			_, err = source.WriteString("again")
			ok(t, err)
			ctx, cancel = context.WithCancelCause(t.Context())
			full := transferring(t, ctx, call, from, to) // waits for room
			ok(t, full.Parked())
			cancel(errCause)
			wants(t, full.Wait(), errCause)
			patient = transferring(t, t.Context(), call, from, to)
			ok(t, patient.Parked())
			_, err = io.ReadFull(target, make([]byte, 4096))
			ok(t, errors.Join(err, patient.Wait()))
			reads(t, target, "again")
			if name == "tee" {
				reads(t, from, "again")
			}
			ok(t, source.Close())
			if _, err := call(t.Context(), from, to); !errors.Is(err, io.EOF) {
				t.Errorf("%v, want the end", err)
			}
			closing(t, call, from, to, target)
			ok(t, before.Left())
		})
	}
}

func transferring(t testing.TB, ctx context.Context, call func(ctx context.Context, from, to *os.File) (int, error), from, to *os.File) *kithtest.Call {
	t.Helper()
	return kithtest.Go(func() error { _, err := call(ctx, from, to); return err })
}

// closing closes the ends, one under a call.
func closing(t testing.TB, call func(ctx context.Context, from, to *os.File) (int, error), from, to, target *os.File) {
	t.Helper()
	other, source := pipe(t, 0)
	waits := transferring(t, t.Context(), call, other, to)
	ok(t, waits.Parked())
	ok(t, other.Close())
	wants(t, waits.Wait(), os.ErrClosed)
	ok(t, errors.Join(source.Close(), to.Close(), target.Close()))
	_, err := call(t.Context(), from, to)
	wants(t, err, os.ErrClosed)
	ok(t, from.Close())
}

// Pages are shared, not copied: what is written into the memory afterwards shows at
// the reader's. And they outlive the memory.
func TestVmspliceShares(t *testing.T) {
	reader, writer := pipe(t, 0)
	memory := mapping(t, 4)
	copy(memory, "hello")
	n, err := fifo.Vmsplice(t.Context(), writer, memory)
	if ok(t, err); n != len(memory) {
		t.Errorf("%d of %d", n, len(memory))
	}
	copy(memory, "HELLO")
	ok(t, unix.Munmap(memory))
	got := make([]byte, len(memory))
	_, err = io.ReadFull(reader, got)
	if ok(t, err); string(got[:5]) != "HELLO" {
		t.Errorf("read %q: a copy was made", got[:5])
	}
}

// mapping is so many pages; the caller unmaps it.
func mapping(t testing.TB, pages int) []byte {
	t.Helper()
	memory, err := unix.Mmap(-1, 0, pages*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	ok(t, err)
	return memory
}

// More than the pipe holds goes in piece by piece; a context's end says how much did.
func TestVmspliceWaits(t *testing.T) {
	before := kithtest.Hold()
	reader, writer := pipe(t, 0)
	memory := mapping(t, 100)
	copy(memory, random(len(memory)))
	call := kithtest.Go(func() error { _, err := fifo.Vmsplice(t.Context(), writer, memory); return err })
	ok(t, call.Parked())
	got := make([]byte, len(memory))
	_, err := io.ReadFull(reader, got)
	if ok(t, errors.Join(err, call.Wait())); !bytes.Equal(got, memory) {
		t.Error("other bytes arrived")
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	n := 0
	call = kithtest.Go(func() (err error) { n, err = fifo.Vmsplice(ctx, writer, memory[100:]); return err })
	ok(t, call.Parked())
	cancel(errCause)
	wants(t, call.Wait(), errCause)
	ok(t, writer.Close())
	rest, err := io.ReadAll(reader)
	if ok(t, err); !bytes.Equal(rest, memory[100:100+n]) || n == 0 {
		t.Errorf("%d bytes arrived, where %d were given", len(rest), n)
	}
	ok(t, errors.Join(reader.Close(), unix.Munmap(memory)))
	ok(t, before.Left())
}

// Splice passes the pages of Vmsplice on, still uncopied.
func TestSplicePassesPagesOn(t *testing.T) {
	first, in := pipe(t, 0)
	second, out := pipe(t, 0)
	memory := mapping(t, 1)
	copy(memory, "soon") // or it would be the page of zeros that all share
	_, err := fifo.Vmsplice(t.Context(), in, memory)
	ok(t, err)
	_, err = fifo.Tee(t.Context(), first, out, len(memory))
	ok(t, err)
	_, err = fifo.Splice(t.Context(), first, out, len(memory))
	ok(t, err)
	copy(memory, "late")
	got := make([]byte, 2*len(memory))
	_, err = io.ReadFull(second, got)
	ok(t, errors.Join(err, unix.Munmap(memory)))
	if string(got[:4]) != "late" || string(got[len(memory):][:4]) != "late" {
		t.Errorf("%q, %q: a copy was made", got[:4], got[len(memory):][:4])
	}
}

// So it does with those of a file: what is written to it before it was read shows.
func TestSpliceSharesFile(t *testing.T) {
	file := openFile(t, os.O_RDWR|os.O_CREATE)
	_, err := file.WriteString("soon")
	ok(t, err)
	_, err = file.Seek(0, io.SeekStart)
	ok(t, err)
	reader, writer := pipe(t, 0)
	n, err := fifo.Splice(t.Context(), file, writer, 100)
	if ok(t, err); n != 4 {
		t.Errorf("%d bytes", n)
	}
	_, err = file.WriteAt([]byte("late"), 0)
	ok(t, err)
	reads(t, reader, "late")
}

// Between processes, of which one is killed in the midst.
func TestSpliceToKilled(t *testing.T) {
	path := made(t)
	zero, err := os.Open("/dev/zero")
	kept(t, zero, err)
	for range 50 {
		they := cPeer(t)
		they.tell("open r %s", path)
		writer := startOpen(t.Context(), path, os.O_WRONLY).met(t)
		they.hears("ok")
		they.tell("drain")
		go they.Kill()
		_, err := all(t.Context(), zero, writer)
		wants(t, err, unix.EPIPE)
		they.Kill()
		ok(t, writer.Close())
	}
}
