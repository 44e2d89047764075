package sem_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sem"
)

// largest is a variable, so that one more compiles where an int has 32 bits.
var largest = sem.MaxValue

func TestNames(t *testing.T) {
	for name, want := range map[string]error{
		"":                        unix.EINVAL,
		"/":                       unix.EINVAL,
		"//a":                     unix.EINVAL,
		"a/b":                     unix.EINVAL,
		"a/":                      unix.EINVAL,
		"a\x00b":                  unix.EINVAL,
		strings.Repeat("n", 252):  unix.ENAMETOOLONG,
		"/kith-sem-nobody-has-it": unix.ENOENT,
	} {
		if _, err := sem.Open(name); !errors.Is(err, want) || !pathError(err) {
			t.Errorf("Open(%q): %v, want %v", name, err, want)
		}
		if err := sem.Unlink(name); !errors.Is(err, want) || !pathError(err) {
			t.Errorf("Unlink(%q): %v, want %v", name, err, want)
		}
		if errors.Is(want, unix.ENOENT) {
			continue
		}
		if _, err := sem.Create(name, 1, 0o600); !errors.Is(err, want) || !pathError(err) {
			t.Errorf("Create(%q): %v, want %v", name, err, want)
		}
	}
	longest := unlinked(t)
	longest += strings.Repeat("n", 251+1-len(longest)) // the slash does not count
	defer sem.Unlink(longest)
	if _, err := sem.Create(longest, 1, 0o600); err != nil {
		t.Error(err)
	}
	if _, err := sem.Open(longest[1:]); err != nil {
		t.Errorf("without its slash: %v", err)
	}
}

func pathError(err error) bool {
	_, found := errors.AsType[*fs.PathError](err)
	return found
}

func TestCreateHasItsMode(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	name := unlinked(t)
	if _, err := sem.Create(name, 1, 0o666); err != nil {
		t.Fatal(err)
	}
	path, err := sem.Path(name)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o666 || info.Size() != sem.Size {
		t.Errorf("%v, %v", info, err)
	}
}

// A Create that fails leaves nothing, under whatever name.
func TestCreateRefuses(t *testing.T) {
	name, _ := newSemaphore(t, 1)
	before := kithtest.Hold("/dev/shm")
	if _, err := sem.Create(name, 1, 0o600); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a name that is taken: %v", err)
	}
	for _, value := range []int{-1, largest + 1, math.MinInt} {
		if _, err := sem.Create(newName(), value, 0o600); !errors.Is(err, unix.EINVAL) {
			t.Errorf("of %d: %v", value, err)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func TestOpenOrCreate(t *testing.T) {
	name := unlinked(t)
	calls := make([]*kithtest.Call, 8)
	for i := range calls {
		calls[i] = kithtest.Go(func() error {
			s, err := sem.OpenOrCreate(name, 3, 0o600)
			if err != nil {
				return err
			}
			return s.Post()
		})
	}
	for _, call := range calls {
		if err := call.Wait(); err != nil {
			t.Error(err)
		}
	}
	s, err := sem.OpenOrCreate(name, 100, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	wantSemaphore(t, s, 3+len(calls), 0)
}

func TestOpenRefuses(t *testing.T) {
	put := func(name string, text []byte) string {
		path, err := sem.Path(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	short, zeros, link, directory, pipe := unlinked(t), unlinked(t), unlinked(t), newName(), unlinked(t)
	put(short, make([]byte, sem.Size-1))
	target := put(zeros, make([]byte, sem.Size))
	at := func(name string) string { path, _ := sem.Path(name); return path }
	err := errors.Join(os.Symlink(target, at(link)), os.Mkdir(at(directory), 0o700), unix.Mkfifo(at(pipe), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(at(directory))
	for name, want := range map[string]error{
		short: sem.ErrNotSemaphore, zeros: sem.ErrNotSemaphore, pipe: sem.ErrNotSemaphore,
		link: unix.ELOOP, directory: unix.EISDIR,
	} {
		if _, err := sem.Open(name); !errors.Is(err, want) || !strings.Contains(err.Error(), at(name)) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if err := sem.Unlink(directory); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a directory: %v", err)
	}
}

func TestUnlinkedGoesOn(t *testing.T) {
	name, old := newSemaphore(t, 0)
	other, err := sem.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := sem.Unlink(name); err != nil {
		t.Fatal(err)
	}
	if _, err := sem.Create(name, 0, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.Post(), other.Wait(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestInitRefuses(t *testing.T) {
	_, page := memory(t)
	for _, value := range []int{-1, largest + 1} {
		if _, err := sem.Init(page, value); !errors.Is(err, unix.EINVAL) {
			t.Errorf("of %d: %v", value, err)
		}
	}
	for what, open := range map[string]func([]byte) (*sem.Semaphore, error){
		"Init": func(m []byte) (*sem.Semaphore, error) { return sem.Init(m, 1) }, "At": sem.At,
	} {
		for _, memory := range [][]byte{nil, page[:sem.Size-1], page[4:]} {
			if _, err := open(memory); !errors.Is(err, unix.EINVAL) {
				t.Errorf("%s in %d bytes: %v", what, len(memory), err)
			}
		}
	}
}

// Memory that can only be read is refused when it is opened, not when it is used.
func TestReadOnlyIsRefused(t *testing.T) {
	name, _ := newSemaphore(t, 1)
	path, err := sem.Path(name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	memory, err := unix.Mmap(int(file.Fd()), 0, sem.Size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	if _, err := sem.At(memory); !errors.Is(err, sem.ErrGone) {
		t.Errorf("At: %v", err)
	}
	if _, err := sem.Init(memory, 1); !errors.Is(err, sem.ErrGone) {
		t.Errorf("Init: %v", err)
	}
}

// What a file system without files that have no name needs: one that is new.
func TestTemporary(t *testing.T) {
	fd, path, err := sem.Temporary()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err := errors.Join(err, unix.Unlink(path), unix.Close(fd)); err != nil || info.Mode() != 0o600 || info.Size() != 0 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestWaitIsCancelled(t *testing.T) {
	name, s := newSemaphore(t, 0)
	before := kithtest.Hold()
	why := errors.New("no longer needed")
	ctx, cancel := context.WithCancelCause(t.Context())
	call := kithtest.Go(func() error { return s.Wait(ctx) })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	cancel(why)
	err := call.Wait()
	if !errors.Is(err, why) || !pathError(err) || !strings.Contains(err.Error(), filepath.Base(name)) {
		t.Error(err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	wantSemaphore(t, s, 0, 0)
	if err := s.Post(); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(ctx); !errors.Is(err, why) {
		t.Errorf("with a context that has ended: %v", err)
	}
	wantSemaphore(t, s, 1, 0)
}

func TestClose(t *testing.T) {
	name, s := newSemaphore(t, 0)
	other, err := sem.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	here := kithtest.Go(func() error { return s.Wait(t.Context()) })
	there := kithtest.Go(func() error { return other.Wait(t.Context()) })
	if err := errors.Join(kithtest.Parked(here, there), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := here.Wait(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a call that waited: %v", err)
	}
	wantSemaphore(t, other, 0, 1)
	if err := errors.Join(other.Post(), there.Wait()); err != nil {
		t.Error(err)
	}
	_, value := s.Value()
	_, waiters := s.Waiters()
	for what, err := range map[string]error{
		"Wait": s.Wait(t.Context()), "TryWait": s.TryWait(), "Post": s.Post(), "Close": s.Close(),
		"Value": value, "Waiters": waiters,
	} {
		if !errors.Is(err, os.ErrClosed) || !pathError(err) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
}

// What Open mapped is unmapped when nobody uses it, and not before.
func TestGarbageIsUnmapped(t *testing.T) {
	name, _ := newSemaphore(t, 0)
	s, err := sem.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mapped := func() bool {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(maps), filepath.Base(name))
	}
	runtime.GC()
	if !mapped() {
		t.Error("unmapped while in use")
	}
	runtime.KeepAlive(s)
	until(t, "the mapping gone", func() bool { runtime.GC(); return !mapped() })
}

// A program that opens and closes semaphores all day has mappings to spare,
// though the collector sees no need to run.
func TestClosedAreUnmapped(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	name, _ := newSemaphore(t, 1)
	for range 20_000 {
		s, err := sem.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if n := strings.Count(string(maps), "/dev/shm/sem."); err != nil || n > 15_000 {
		t.Errorf("%d semaphores are mapped, %v", n, err)
	}
}

func TestUncontendedAllocatesNothing(t *testing.T) {
	_, s := newSemaphore(t, 1)
	_, set := newSet(t, 1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for what, pair := range map[string]func() error{
		"Semaphore": func() error { return errors.Join(s.Wait(ctx), s.Post()) },
		"Set": func() error {
			return errors.Join(
				set.Do(ctx, sem.Op{Change: -1}, sem.Op{Index: 1, Change: -1}),
				set.TryDo(sem.Op{Change: 1}, sem.Op{Index: 1, Change: 1}))
		},
	} {
		n := testing.AllocsPerRun(100, func() {
			if err := pair(); err != nil {
				t.Error(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}
