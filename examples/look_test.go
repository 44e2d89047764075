package examples

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

// in is the same program, in a folder of another test.
func (p *program) in(t *testing.T) *program {
	t.Helper()
	return &program{t: t, binary: p.binary, file: filepath.Join(t.TempDir(), "file")}
}

// readSources makes the cached result stale when a file of the folder has changed.
func readSources(t *testing.T, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually looks until it is so, and fails where it never is.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	looking := time.NewTicker(time.Millisecond)
	defer looking.Stop()
	for range 20_000 {
		if so() {
			return
		}
		<-looking.C
	}
	t.Fatalf("never: %s", what)
}

// wantIdle looks whether the process waits, and does not ask again and again: all its
// threads sleep, at many looks in a row.
func wantIdle(t *testing.T, child *kithtest.Child) {
	t.Helper()
	asleep := 0
	eventually(t, "all threads sleep", func() bool {
		if asleep++; !sleeps(t, child.Cmd.Process.Pid) {
			asleep = 0
		}
		return asleep == 20
	})
}

// sleeps is whether each thread does (proc_pid_stat(5)).
func sleeps(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatal(threads, err)
	}
	for _, thread := range threads {
		stat, _ := os.ReadFile(thread)
		if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "S") {
			return false
		}
	}
	return true
}

// openPipe opens a FIFO to look at what is in it.
func openPipe(t *testing.T, path string, how int) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, how, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// awaitBytes waits until so many bytes wait in a pipe.
func awaitBytes(t *testing.T, pipe *os.File, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d bytes", n), func() bool {
		there, err := unix.IoctlGetInt(int(pipe.Fd()), unix.TIOCINQ)
		if err != nil {
			t.Fatal(err)
		}
		return there >= n
	})
}
