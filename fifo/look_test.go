package fifo

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// fresh is a FIFO that somebody reads.
func fresh(t *testing.T) (path string, reader *os.File) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fifo")
	if err := Make(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	return path, reader
}

// A writer that comes, and takes the name with it, just between our look for it and
// our look at the name, has come.
func TestCameBeforeTheNameWasGone(t *testing.T) {
	path, reader := fresh(t)
	m, err := newMeeting(path, reader)
	if err != nil {
		t.Fatal(err)
	}
	var writer *os.File
	there, err := m.writer(func() (bool, error) {
		came, err := writerCame(reader)
		if writer == nil {
			writer, _ = OpenWriter(path)
			_ = Remove(path)
		}
		return came, err
	})
	if !there || err != nil {
		t.Errorf("%v, %v, where a writer is there", there, err)
	}
	_ = writer.Close()
}

// The name goes to and fro between the FIFO that is meant, and has no reader, and one
// that has: that one is never returned.
func TestExchangedUnderLook(t *testing.T) {
	path, reader := fresh(t)
	other, _ := fresh(t)
	m, err := newMeeting(path, reader)
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := os.OpenFile(path, unix.O_PATH, 0)
	if err = errors.Join(err, reader.Close()); err != nil {
		t.Fatal(err)
	}
	defer pinned.Close()
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE); err != nil {
				stopped <- err
				return
			}
		}
	}()
	gone := 0
	for range 20000 {
		file, err := m.reader()
		if file != nil || err != nil && !errors.Is(err, ErrReplaced) {
			t.Fatalf("%v, %v, want nobody, or ErrReplaced", file, err)
		}
		if err != nil {
			gone++
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	t.Logf("%d of 20000 times, it was the other", gone)
}
