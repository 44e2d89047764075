package proc_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"kith/internal/kithtest"
	"kith/proc"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{"reuse": reuse, "stranger": stranger, "passed": passed, "ignorer": ignorer, "first": first, "not allowed": notAllowed, "limited": limited, "guest": guest, "garbled": garbled, "many instances": manyInstances})
	kithtest.Main(m)
}

var forever = context.Background()

// isAll reports whether an error is each of them.
func isAll(err error, targets ...error) bool {
	for _, target := range targets {
		if !errors.Is(err, target) {
			return false
		}
	}
	return true
}

// watcher is closed with the test, which has left nothing then.
func watcher(t *testing.T) *proc.Watcher {
	t.Helper()
	before := kithtest.Hold()
	w, err := proc.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
		if err := before.Left(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func must(t *testing.T) func(*proc.Watch, error) *proc.Watch {
	return func(watch *proc.Watch, err error) *proc.Watch {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return watch
	}
}

// next is the next event.
func next(t *testing.T, w *proc.Watcher) proc.Event {
	t.Helper()
	event, err := one(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func one(ctx context.Context, w *proc.Watcher) (proc.Event, error) {
	for event, err := range w.Events(ctx) {
		return event, err
	}
	return nil, io.EOF
}

// A way is how a process ends.
type way struct {
	name   string
	number int
}

func (y way) String() string { return y.name + " " + strconv.Itoa(y.number) }

// ender is a C program that ends so when it is told to, by a line.
func ender(t *testing.T, y way) *kithtest.Child {
	t.Helper()
	return kithtest.C(t, "testdata/end.c", y.name, strconv.Itoa(y.number))
}

// ended says what a status differs in from the way; empty: nothing.
func (y way) differs(s proc.Status) string {
	exited := y.name == "exit" // else by a signal
	code, signal := -1, -1
	if exited {
		code = y.number
	} else {
		signal = y.number
	}
	if !s.Known() || s.Exited() != exited || s.Signaled() == exited || s.ExitCode() != code || int(s.Signal()) != signal || s.Success() != (code == 0) {
		return "status is " + s.String() + ", want " + y.String()
	}
	return ""
}

// exits expects the end of one watch, and nothing else.
func exits(t *testing.T, w *proc.Watcher, watch *proc.Watch, y way) {
	t.Helper()
	exited, is := next(t, w).(proc.Exited)
	if !is || exited.Watch() != watch {
		t.Fatalf("%v, want the end of %v", exited, watch)
	}
	if wrong := y.differs(exited.Status); wrong != "" {
		t.Errorf("%v: %s", watch, wrong)
	}
	empty(t, w)
}

// empty makes sure that no watch is left.
func empty(t *testing.T, w *proc.Watcher) {
	t.Helper()
	if n := w.Len(); n != 0 {
		t.Errorf("%d watches are left", n)
	}
}

// reaped waits for a process, whose status nobody has taken away.
func reaped(t *testing.T, cmd *exec.Cmd, y way) {
	t.Helper()
	err := cmd.Wait()
	if exit, is := errors.AsType[*exec.ExitError](err); err != nil && !is {
		t.Errorf("%v", err)
	} else if is && exit.ExitCode() != y.code() {
		t.Errorf("os/exec has %v, want %v", exit, y)
	}
}

func (y way) code() int {
	if y.name == "exit" {
		return y.number
	}
	return -1
}
