package compare

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"kith/internal/kithtest"
)

// keepDirectory, in a child, has a directory with something in it, until it is
// killed.
func keepDirectory([]string) error {
	d, err := makeDirectory()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.path, "input"), []byte("much"), 0o600); err != nil {
		return err
	}
	kithtest.Say(d.path)
	kithtest.Hear()
	return nil
}

func isThere(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// made is a directory as the next run makes it, and gives back.
func made(t *testing.T) {
	t.Helper()
	d, err := makeDirectory()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(d.path); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	d.remove()
	if isThere(t, d.path) {
		t.Error("its own directory stays")
	}
}

// What a killed run has left, the next one removes: not what a living one has, nor
// what is no run's.
func TestDirectoryOfAKilledRun(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	before := kithtest.Hold()
	child := kithtest.Command(t, "keep directory").Start()
	path, err := child.Hear()
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(os.TempDir(), "kith-compare-notes")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if made(t); !isThere(t, filepath.Join(path, "input")) {
		t.Error("a living run's directory is gone")
	}
	child.Kill()
	if !isThere(t, filepath.Join(path, "input")) {
		t.Fatal("there was nothing to remove")
	}
	if made(t); isThere(t, path) || !isThere(t, other) {
		t.Errorf("the dead one's is there: %v; another directory: %v", isThere(t, path), isThere(t, other))
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// In a directory for everybody, another user's is not ours to remove.
func TestDirectoryOfAnotherUser(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	t.Setenv("TMPDIR", t.TempDir())
	path := filepath.Join(os.TempDir(), "kith-compare-1")
	if err := errors.Join(os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, lockName), nil, 0o600), os.Lchown(path, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	if made(t); !isThere(t, path) {
		t.Error("another user's directory is gone")
	}
}
