package kith_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// schemes are those with a name.
var schemes = []string{"shm", "unix", "unixpacket", "tcp", "fifo"}

func init() {
	kithtest.Register(map[string]kithtest.Func{
		"serve":              serveUntilKilled,
		"as another":         actAsAnother,
		"few descriptors":    actWithFewDescriptors,
		"accept with few":    acceptWithFew,
		"start with few":     startWithFew,
		"join parent":        joinParentOnce,
		"no mappings":        dialWithoutMappings,
		"no address space":   dialWithoutAddressSpace,
		"small files":        dialWithSmallFiles,
		"full file system":   useFullFileSystem,
		"stranger at socket": strangerAtSocket,
	})
}

// alone is a directory with a short path, in which nobody else works.
func alone(t testing.TB) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}

// at is an address of the scheme in the directory.
func at(scheme, directory string) string {
	if scheme == "tcp" {
		return "tcp:127.0.0.1:0"
	}
	return scheme + ":" + filepath.Join(directory, "x")
}

// untouched runs f, and fails the test if anything is there afterwards which
// was not before: a file below the directory, a descriptor, a goroutine, a
// mapping.
func untouched(t *testing.T, directory string, f func()) {
	t.Helper()
	files, before := tree(t, directory), kithtest.Hold()
	f()
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	if now := tree(t, directory); !slices.Equal(now, files) {
		t.Errorf("%s had %q, and has %q", directory, files, now)
	}
}

func tree(t *testing.T, directory string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			files = append(files, entry.Type().String()+" "+path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// refuses fails the test unless err is the cause, and its text says all of it.
func refuses(t *testing.T, what string, err, cause error, says ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: succeeded, want %q", what, cause)
		return
	}
	opError, ok := errors.AsType[*kith.OpError](err)
	if !ok || !errors.Is(err, cause) {
		t.Errorf("%s: %v, want an OpError for %q", what, err, cause)
		return
	}
	for _, text := range append(says, opError.Addr) {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %q does not say %q", what, err, text)
		}
	}
}

// dial dials and hangs up, listen listens and stops.
func dial(t testing.TB, addr string) error {
	conn, err := kith.Dial(t.Context(), addr)
	if err == nil {
		return conn.Close()
	}
	return err
}

func listen(t testing.TB, addr string) error {
	listener, err := kith.Listen(t.Context(), addr)
	if err == nil {
		return listener.Close()
	}
	return err
}

// serving is a listener that takes everybody, closed with the test.
func serving(t testing.TB, addr string) *kith.Listener {
	t.Helper()
	listener, err := kith.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		serveAll(listener)
	}()
	t.Cleanup(func() { _ = listener.Close(); <-stopped })
	return listener
}
