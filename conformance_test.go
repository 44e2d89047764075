package kith_test

import (
	"os"
	"path/filepath"
	"testing"

	"kith/transporttest"
)

func TestMain(m *testing.M) {
	if os.Getenv("KITH_EXAMPLE_CHILD") != "" {
		exampleChild()
		return
	}
	transporttest.Main(m)
}

func TestConformance(t *testing.T) {
	for _, subject := range []struct {
		name    string
		address func(testing.TB) string
	}{
		{"shm", inDirectory("shm:", "")},
		{"shm ring=4k", inDirectory("shm:", "?ring=4k")},
		{"unix", inDirectory("unix:", "")},
		{"unixpacket", inDirectory("unixpacket:", "")},
		{"tcp", always("tcp:127.0.0.1:0")},
		{"fifo", inDirectory("fifo:", "")},
		{"fd via=socket", always("fd:?via=socket")},
		{"fd via=shm", always("fd:?via=shm")},
	} {
		t.Run(subject.name, func(t *testing.T) {
			transporttest.Run(t, transporttest.Subject{Address: subject.address})
		})
	}
}

func always(address string) func(testing.TB) string {
	return func(testing.TB) string { return address }
}

// inDirectory makes addresses whose names are alone in a directory with a
// short path, as those of sockets have to be.
func inDirectory(scheme, keys string) func(testing.TB) string {
	return func(t testing.TB) string {
		t.Helper()
		directory, err := os.MkdirTemp("", "kith")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(directory) })
		return scheme + filepath.Join(directory, "x") + keys
	}
}
