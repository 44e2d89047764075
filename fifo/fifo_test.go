package fifo_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

var opens = map[string]func(string) (*os.File, error){
	"OpenReader": fifo.OpenReader, "OpenWriter": fifo.OpenWriter, "OpenBoth": fifo.OpenBoth,
}

func TestMake(t *testing.T) {
	kithtest.Need(t, "sh")
	path := filepath.Join(t.TempDir(), "fifo")
	if err := fifo.Make(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("sh", "-c", `test -p "$1"`, "sh", path).Run(); err != nil {
		t.Errorf("the shell does not take it for a FIFO: %v", err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeNamedPipe|0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	err := fifo.Make(path, 0o600)
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("made twice: %v", err)
	}
	err = fifo.Make(filepath.Join(path, "below"), 0o600)
	if !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("made below a FIFO: %v", err)
	}
}

// What the shell wrote is read to its end, which comes when the shell closes.
func TestReadsWhatTheShellWrote(t *testing.T) {
	kithtest.Need(t, "sh", "mkfifo", "cat")
	path := filepath.Join(t.TempDir(), "fifo")
	sh := shell(t, `mkfifo "$1"; echo made; read go; exec cat >"$1"`, path)
	sh.hears("made")
	reader := must(t, fifo.OpenReader, path)
	if n, err := reader.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("before a writer comes: %d, %v, want EOF", n, err)
	}
	sh.tell("go")
	both := must(t, fifo.OpenBoth, path) // its reads wait, where reader's would end
	sh.tell("from the shell")
	first := make([]byte, 64)
	n, err := both.Read(first)
	if string(first[:n]) != "from the shell\n" || err != nil {
		t.Errorf("read %q, %v", first[:n], err)
	}
	if err := both.Close(); err != nil {
		t.Fatal(err)
	}
	ending := kithtest.Go(func() error { _, err := reader.Read(make([]byte, 1)); return err })
	if err := ending.Parked(); err != nil {
		t.Error(err)
	}
	sh.Kill()
	if err := ending.Wait(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last writer: %v, want EOF", err)
	}
}

func TestWritesWhatTheShellReads(t *testing.T) {
	kithtest.Need(t, "sh")
	path := made(t)
	if _, err := fifo.OpenWriter(path); !errors.Is(err, unix.ENXIO) || !strings.Contains(err.Error(), path) {
		t.Fatalf("without a reader: %v, want ENXIO", err)
	}
	sh := shell(t, `exec 3<>"$1"; echo open; read line <&3; echo "got $line"; read go; exec 3>&-; echo closed; read go`, path)
	sh.hears("open")
	writer := must(t, fifo.OpenWriter, path)
	if _, err := writer.WriteString("to the shell\n"); err != nil {
		t.Fatal(err)
	}
	sh.hears("got to the shell")
	sh.tell("go")
	sh.hears("closed")
	if _, err := writer.WriteString("x"); !errors.Is(err, unix.EPIPE) {
		t.Errorf("after the last reader: %v, want EPIPE", err)
	}
	if _, err := fifo.OpenWriter(path); !errors.Is(err, unix.ENXIO) {
		t.Errorf("after the last reader: %v, want ENXIO", err)
	}
}

func TestReaderSeesAKilledWriter(t *testing.T) {
	kithtest.Need(t, "sh")
	path := made(t)
	reader := must(t, fifo.OpenReader, path)
	sh := shell(t, `exec 3>"$1"; printf half >&3; echo wrote; read go`, path)
	sh.hears("wrote")
	sh.Kill()
	if text, err := io.ReadAll(reader); string(text) != "half" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

func TestNotAFIFO(t *testing.T) {
	directory := t.TempDir()
	regular, socket := filepath.Join(directory, "regular"), filepath.Join(directory, "socket")
	if err := os.WriteFile(regular, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	before := kithtest.Hold(directory)
	for _, path := range []string{regular, directory, socket, "/dev/null"} {
		for name, open := range opens {
			file, err := open(path)
			if !errors.Is(err, fifo.ErrNotFIFO) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s(%s): %v, %v, want ErrNotFIFO", name, path, file, err)
			}
		}
	}
	if text, err := os.ReadFile(regular); string(text) != "kept" || err != nil {
		t.Errorf("the regular file has %q, %v", text, err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func TestNobodyThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	for name, open := range opens {
		if _, err := open(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("opening made it")
	}
}

func TestDeadlineInterrupts(t *testing.T) {
	both := must(t, fifo.OpenBoth, made(t))
	calls := map[string]func() error{
		"read": func() error { _, err := both.Read(make([]byte, 1)); return err },
		"write": func() error {
			for {
				if _, err := both.Write(make([]byte, 4096)); err != nil {
					return err
				}
			}
		},
	}
	for _, name := range []string{"read", "write"} {
		call := kithtest.Go(calls[name])
		if err := call.Parked(); err != nil {
			t.Error(err)
		}
		if err := both.SetDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if err := call.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v, want os.ErrDeadlineExceeded", name, err)
		}
		if err := both.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := both.Read(make([]byte, 4096)); n != 4096 || err != nil {
		t.Errorf("after the deadlines: %d, %v", n, err)
	}
}

func TestCloseInterrupts(t *testing.T) {
	both := must(t, fifo.OpenBoth, made(t))
	call := kithtest.Go(func() error { _, err := both.Read(make([]byte, 1)); return err })
	if err := errors.Join(call.Parked(), both.Close()); err != nil {
		t.Error(err)
	}
	if err := call.Wait(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v, want fs.ErrClosed", err)
	}
}
