package fifo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/fifo"
)

// A path is followed as the kernel does it: a link first, and then .. from where it leads.
func TestDotsBehindLinks(t *testing.T) {
	path := made(t)
	below := filepath.Join(filepath.Dir(path), "below")
	ok(t, os.Mkdir(below, 0o755))
	elsewhere := t.TempDir()
	ok(t, os.Symlink(below, filepath.Join(elsewhere, "link")))
	t.Chdir(elsewhere)
	dots := "link/../" + filepath.Base(path)
	bothOpen(t, dots, path)
	bothOpen(t, path, elsewhere+"/"+dots)
}

// From a directory whose own path is too long, a FIFO can be opened, too.
func TestDeepDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	for range 20 {
		deeper := strings.Repeat("d", 250)
		ok(t, os.Mkdir(deeper, 0o755))
		t.Chdir(deeper)
	}
	ok(t, fifo.Make("f", 0o600))
	bothOpen(t, "f", "./f")
}

// bothOpen opens both sides, the one that waits by its own path.
func bothOpen(t *testing.T, reading, writing string) {
	t.Helper()
	for _, first := range []int{os.O_RDONLY, os.O_WRONLY} {
		paths := map[int]string{os.O_RDONLY: reading, os.O_WRONLY: writing}
		second := os.O_RDONLY + os.O_WRONLY - first
		one := waiting(t, paths[first], first)
		other := startOpen(t.Context(), paths[second], second)
		ok(t, one.met(t).Close())
		ok(t, other.met(t).Close())
	}
}
