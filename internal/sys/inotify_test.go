package sys_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Names of every length, more than one read can take, and a stop in the middle of them.
func TestInotify(t *testing.T) {
	inotify, err := sys.OpenInotify()
	if err != nil {
		t.Fatal(err)
	}
	defer inotify.Close()
	directory := t.TempDir()
	inode, err := inotify.Watch(directory, unix.IN_CREATE|unix.IN_DELETE)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for length := 1; length < 256; length++ {
		path := filepath.Join(directory, strings.Repeat("x", length))
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(unix.IN_CREATE, filepath.Base(path)), fmt.Sprint(unix.IN_DELETE, filepath.Base(path)))
	}
	for notice := range inotify.Notices() {
		got := fmt.Sprint(notice.Happened&^unix.IN_ISDIR, notice.Name)
		if len(want) == 0 || notice.Inode != inode || got != want[0] {
			t.Fatalf("%+v, want %v", notice, want[:min(len(want), 1)])
		}
		want = want[1:]
	}
	if len(want) > 0 {
		t.Errorf("%d are missing", len(want))
	}
	inotify.Unwatch(inode)
	inotify.Unwatch(inode)
	for notice := range inotify.Notices() {
		if notice.Happened != unix.IN_IGNORED {
			t.Errorf("%+v", notice)
		}
		break
	}
	for notice := range inotify.Notices() {
		t.Errorf("%+v", notice)
	}
}
