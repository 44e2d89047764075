package fifo_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

// A thousand wait on many FIFOs, in both directions, and give up at once: there is no
// thread for any of them, and then no descriptor. The second thousand is held to what
// the first has left: on a machine under load, Go starts some threads for a thousand
// system calls at once, whatever they are.
func TestThousandWait(t *testing.T) {
	folder := directory(t)
	paths := make([]string, 100)
	for i := range paths {
		paths[i] = filepath.Join(folder, fmt.Sprint(i))
		makeAt(t, paths[i])
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what was forgotten
	thousandWait(t, paths)
	before := kithtest.Hold(folder)
	thousandWait(t, paths)
	ok(t, before.Left())
	nobodyWatches(t)
	they := cPeer(t)
	for _, path := range paths[:10] {
		they.asks(errno(unix.ENXIO), "open wn %s", path) // nobody reads
	}
}

func thousandWait(t *testing.T, paths []string) {
	t.Helper()
	started := threads(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	all, calls := make([]*opening, 1000), make([]*kithtest.Call, 1000)
	for i := range all {
		all[i] = startOpen(ctx, paths[i%len(paths)], []int{os.O_RDONLY, os.O_WRONLY}[i%2])
		calls[i] = all[i].Call
		if i%50 == 49 {
			ok(t, kithtest.Parked(calls[i-49:i+1]...))
		}
	}
	ok(t, kithtest.Parked(calls...))
	during := threads(t)
	cancel(errCause)
	for _, o := range all {
		wants(t, o.Wait(), errCause)
		if o.file != nil {
			t.Error("a file, and an error")
		}
	}
	t.Logf("threads: %d before, %d while %d wait, %d after", started, during, len(all), threads(t))
	if during > started+len(all)/2 {
		t.Errorf("%d threads while %d wait, and %d were before", during, len(all), started)
	}
}

// nobodyWatches waits until no inotify is open, a moment after the last has waited.
func nobodyWatches(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); len(watches(t)) > 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("inotify stays open")
		}
	}
}

// watches is how many files each inotify of this process watches.
func watches(t testing.TB) (all []int) {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	ok(t, err)
	for _, file := range files {
		if target, _ := os.Readlink("/proc/self/fd/" + file.Name()); target == "anon_inode:inotify" {
			text, _ := os.ReadFile("/proc/self/fdinfo/" + file.Name())
			all = append(all, strings.Count(string(text), "inotify wd:"))
		}
	}
	return all
}

// All who wait share one inotify, which watches no more than they wait for.
func TestOneInotify(t *testing.T) {
	nobodyWatches(t)
	come := func(among int) {
		t.Helper()
		ctx, cancel := context.WithCancelCause(t.Context())
		o := startOpen(ctx, made(t), os.O_WRONLY)
		ok(t, o.Parked())
		if got := watches(t); !slices.Equal(got, []int{among + 1}) {
			t.Errorf("watched files: %v, want %d", got, among+1)
		}
		cancel(errCause)
		wants(t, o.Wait(), errCause)
		if got := watches(t); len(got) > 0 && !slices.Equal(got, []int{among}) {
			t.Errorf("watched files: %v, want %d", got, among)
		}
	}
	for range 10 {
		come(0)
	}
	path := made(t)
	stays := waiting(t, path, os.O_RDONLY)
	for range 10 {
		come(1)
	}
	must(t, fifo.OpenWriter, path)
	stays.met(t)
	nobodyWatches(t)
}

// Two hundred readers wait at one FIFO, and all see the one writer.
func TestManyAtOne(t *testing.T) {
	path, they := made(t), cPeer(t)
	before := kithtest.Hold()
	all, calls := make([]*opening, 200), make([]*kithtest.Call, 200)
	for i := range all {
		all[i] = startOpen(t.Context(), path, os.O_RDONLY)
		calls[i] = all[i].Call
	}
	ok(t, kithtest.Parked(calls...))
	they.asks("ok", "open w %s", path)
	for _, o := range all {
		ok(t, o.Wait())
		ok(t, o.file.Close())
	}
	ok(t, before.Left())
}
