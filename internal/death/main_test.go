// Package death_test shows that no instruction is a bad moment to die: one of two
// processes is killed, stopped or starved at every point of the operations of shm:, and
// the other reads all that was committed, sees nothing torn, learns of the death, and
// finds the name free.
package death_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kith/internal/kithtest"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"starved":          runStarved,
		"full /dev/shm":    runFull,
		"wild":             runWild,
		"victim":           victim,
		"meeting dial":     meetingDial,
		"meeting listen":   meetingListen,
		"meeting accept":   meetingAccept,
		"meeting unlisten": meetingUnlisten,
	})
	kithtest.Main(m)
}

// place is a directory with a short path, in which nobody else works.
func place(t testing.TB) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}

func at(directory, name string) string {
	return "shm:" + filepath.Join(directory, name) + "?ring=4k"
}

// bounded is for calls which a failure alone would keep so long.
func bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 2*time.Minute)
}
