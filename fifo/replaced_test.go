package fifo_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
)

// What others may do to the name of a FIFO.
var attacks = map[string]func(t *testing.T, path string) error{
	"removed": func(_ *testing.T, path string) error { return os.Remove(path) },
	"renamed": func(_ *testing.T, path string) error { return os.Rename(path, path+"2") },
	"regular": func(t *testing.T, path string) error {
		return replace(path, func(other string) error { return os.WriteFile(other, []byte("kept"), 0o666) })
	},
	"symlink": func(t *testing.T, path string) error {
		return replace(path, func(other string) error { return os.Symlink("/dev/null", other) })
	},
	"symlink to a FIFO": func(t *testing.T, path string) error {
		elsewhere := made(t)
		return replace(path, func(other string) error { return os.Symlink(elsewhere, other) })
	},
	"socket": func(t *testing.T, path string) error {
		return replace(path, func(other string) error {
			listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: other})
			if err == nil {
				listener.SetUnlinkOnClose(false)
				err = listener.Close() // it stays a socket
			}
			return err
		})
	},
	"directory": func(t *testing.T, path string) error {
		return errors.Join(os.Remove(path), os.Mkdir(path, 0o755))
	},
	"FIFO": func(_ *testing.T, path string) error { return makeFIFO(path) },
	"directory above": func(t *testing.T, path string) error {
		above := filepath.Dir(path)
		t.Cleanup(func() { _ = os.RemoveAll(above + "2") })
		return os.Rename(above, above+"2")
	},
}

func replace(path string, other func(string) error) error {
	return errors.Join(other(path+".new"), os.Rename(path+".new", path))
}

func makeFIFO(path string) error {
	return replace(path, func(other string) error { return fifo.Make(other, 0o666) })
}

// Whoever waits at a FIFO that lost its name is told.
func TestReplacedUnderWaiters(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what was forgotten
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			before := kithtest.Hold()
			path := made(t)
			writer := waiting(t, path, os.O_WRONLY)
			ok(t, attack(t, path))
			wants(t, writer.Wait(), fifo.ErrReplaced)

			path = made(t)
			reader := waiting(t, path, os.O_RDONLY)
			ok(t, attack(t, path))
			wants(t, reader.Wait(), fifo.ErrReplaced)

			path = made(t)
			s := openSessions(t, path)
			next := kithtest.Go(func() error { return s.Next(t.Context()) })
			ok(t, next.Parked())
			ok(t, attack(t, path))
			err := next.Wait()
			wants(t, err, fifo.ErrReplaced)
			if gone := name == "removed" || name == "renamed" || name == "directory above"; gone && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v, where it is %s", err, name)
			}
			ok(t, s.Close())
			ok(t, before.Left())
		})
	}
}

// Who has come is there, whatever becomes of the name.
func TestReplacedAfterMeeting(t *testing.T) {
	path, they := made(t), cPeer(t)
	s := openSessions(t, path)
	they.asks("ok", "open w %s", path)
	ok(t, fifo.Remove(path))
	ok(t, s.Next(t.Context()))
	they.asks("ok", "write hello")
	reads(t, s.Reader(t.Context()), "hello")
}

// A FIFO that is replaced by another between two calls, as fast as can be: an Open is
// an error, or it is of the one or the other.
func TestHostileReplacing(t *testing.T) {
	path := made(t)
	names := []string{"regular", "symlink", "socket", "directory", "FIFO", "removed"}
	before, stop := kithtest.Hold(), make(chan struct{})
	var turns atomic.Int32
	hostile := kithtest.Go(func() error {
		for i := 0; ; i++ {
			turns.Add(1)
			select {
			case <-stop:
				return nil
			default:
			}
			if makeFIFO(path) != nil { // as it is a directory
				_ = errors.Join(os.RemoveAll(path), makeFIFO(path))
			}
			for range rand.IntN(100) {
				runtime.Gosched()
			}
			_ = attacks[names[i%len(names)]](t, path)
		}
	})
	outcomes := map[string]int{}
	for i := 0; turns.Load() < 400; i++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		o := startOpen(ctx, path, []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR}[i%3])
		for range rand.IntN(200) {
			runtime.Gosched()
		}
		if i%16 == 0 {
			_ = fifo.Remove(path)
		}
		cancel(errCause)
		<-o.Done()
		outcomes[notAnother(t, o)]++
	}
	close(stop)
	ok(t, errors.Join(hostile.Wait(), os.RemoveAll(path)))
	t.Log(outcomes)
	ok(t, before.Left())
}

// notAnother makes sure that what was opened is a FIFO, and says what came of it.
func notAnother(t *testing.T, o *opening) string {
	t.Helper()
	if err := o.Wait(); err != nil {
		wants(t, err)
		for _, want := range []error{errCause, fifo.ErrNotFIFO, fifo.ErrReplaced, fs.ErrNotExist} {
			if errors.Is(err, want) {
				return want.Error()
			}
		}
		t.Errorf("an Open while it is replaced: %v", err)
		return ""
	}
	info, err := o.file.Stat()
	if ok(t, errors.Join(err, o.file.Close())); info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("opened a %v", info.Mode())
	}
	return "opened"
}

func TestRemove(t *testing.T) {
	path := made(t)
	folder := filepath.Dir(path)
	link := filepath.Join(folder, "link")
	ok(t, os.Symlink(path, link))
	regular := filepath.Join(folder, "regular")
	ok(t, os.WriteFile(regular, nil, 0o600))
	for _, other := range []string{link, regular, folder, "/dev/null"} {
		wants(t, fifo.Remove(other), fifo.ErrNotFIFO)
		if _, err := os.Lstat(other); err != nil {
			t.Error(err)
		}
	}
	ok(t, fifo.Remove(path))
	wants(t, fifo.Remove(path), unix.ENOENT)
}
