package sock_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sock"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"read passed":  readPassed,
		"pass pipe":    passPipe,
		"few files":    receiveWithFewFiles,
		"pass on word": passOnWord,
		"listen":       listenForPeer,
	})
	kithtest.Main(m)
}

// inherited is the socket that a child got from startWith.
func inherited() (*os.File, error) {
	const first = 3 // exec.Cmd: ExtraFiles come after 0, 1 and 2
	return os.NewFile(first, "inherited"), unix.SetNonblock(first, true)
}

// startWith starts a child that has one end of a pair, and returns the other.
func startWith(t *testing.T, name string, args ...string) (*os.File, *kithtest.Child) {
	t.Helper()
	ours, theirs := pair(t)
	child := kithtest.Command(t, name, args...)
	child.Cmd.ExtraFiles = []*os.File{theirs}
	child.Start()
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	return ours, child
}

func pair(t *testing.T) (a, b *os.File) {
	t.Helper()
	a, b, err := sock.Pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.CloseAll([]*os.File{a, b}) })
	return a, b
}

// descriptors is how many this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func temporary(t *testing.T, text string) *os.File {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return file
}
