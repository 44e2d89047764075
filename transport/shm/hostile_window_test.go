package shm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

func init() { kithtest.Register(map[string]kithtest.Func{"window breaker": breakWindows}) }

// breakWindows, in a child of the same user, looks for memory that its victim has not yet
// sealed, and empties it.
func breakWindows([]string) error {
	pattern := filepath.Join("/proc", strconv.Itoa(os.Getppid()), "fd", "*")
	kithtest.Say("looking")
	for broken := 0; ; {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if name, _ := os.Readlink(path); name == "/memfd:kith (deleted)" && empty(path) {
				broken++
			}
		}
		select {
		case <-asked():
			kithtest.Say(strconv.Itoa(broken))
			return nil
		default:
		}
	}
}

// empty reports whether the memory could still be taken away.
func empty(path string) bool {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Ftruncate(fd, 0) == nil
}

var asked = func() func() <-chan struct{} {
	var end chan struct{}
	return func() <-chan struct{} {
		if end == nil {
			end = make(chan struct{})
			go func() { kithtest.Hear(); close(end) }()
		}
		return end
	}
}()

// Who may look into our /proc can empty a segment before it is sealed: then it is not
// used, and never touched.
func TestSegmentsAreSealedFirst(t *testing.T) {
	l, err := kith.Listen(t.Context(), "shm:"+filepath.Join(directory(t), "x")+"?ring=1m")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	child := kithtest.Command(t, "window breaker").Start()
	if heard, err := child.Hear(); heard != "looking" {
		t.Fatal(heard, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	serving := kithtest.Go(func() error { return serveAll(ctx, l) })
	failed := 0
	for range 300 {
		conn, err := kith.Dial(t.Context(), l.Addr())
		if err != nil {
			failed++
			continue
		}
		if err := errors.Join(conn.Send(t.Context(), make([]byte, 100<<10)), conn.Close()); err != nil {
			t.Error(err)
		}
	}
	cancel()
	if err := serving.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := child.Say("enough"); err != nil {
		t.Fatal(err)
	}
	broken, err := child.Hear()
	t.Logf("%s segments were emptied (%v), %d of 300 dials failed", broken, err, failed)
}

// serveAll takes the first message of each connection.
func serveAll(ctx context.Context, l *kith.Listener) error {
	for {
		conn, err := l.Accept(ctx)
		if err != nil {
			return err
		}
		if _, err := conn.Receive(ctx); err != nil {
			return err
		}
		_ = conn.Close()
	}
}
