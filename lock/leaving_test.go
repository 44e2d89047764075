package lock

import (
	"os"
	"path/filepath"
	"testing"
)

// On a file system of this machine, a cancelled wait is waited out, though a crowd
// of them takes longer than the patience for a server: or conversions would be lost.
func TestLocalWaitIsNotLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lockFile, err := At(path, OFD).Try(Shared, Whole)
	if err != nil {
		t.Fatal(err)
	}
	defer lockFile.Unlock()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	l, err := On(file, Flock).Try(Shared, Whole)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	if lockFile.leaving() != nil || l.leaving() != nil {
		t.Error("a wait for a local file would be left after a second")
	}
}
