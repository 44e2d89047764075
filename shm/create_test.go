package shm

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// The way for file systems that know no file without a name: the same but for the
// moment in which others see it half made. What fails leaves nothing.
func TestCreateNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	file, err := createNamed(path, 5000, 0o440)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := createNamed(path, 5000, 0o440); !errors.Is(err, unix.EEXIST) {
		t.Errorf("made twice: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o440 || info.Size() != 5000 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := file.WriteAt([]byte("x"), 4999); err != nil {
		t.Error(err)
	}
	if err := errors.Join(os.Remove(path), file.Close()); err != nil {
		t.Error(err)
	}
	if _, err := createNamed(path, 1<<62, 0o440); !errors.Is(err, unix.EFBIG) {
		t.Errorf("made of 2^62 bytes: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, unix.ENOENT) {
		t.Errorf("what failed was left: %v", err)
	}
}
