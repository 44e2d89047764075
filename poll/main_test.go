package poll_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/internal/kithtest"
	"kith/poll"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"exclusive": exclusive,
		"limits":    limits,
		"signals":   signals,
		"watch":     watch,
		"watches":   useWatchesUp,
	})
	kithtest.Main(m)
}

// each runs a test with a set of each backend, and sees that nothing is left.
func each(t *testing.T, test func(t *testing.T, set *poll.Set)) {
	for _, backend := range poll.Backends() {
		t.Run(backend.String(), func(t *testing.T) {
			before := kithtest.Hold()
			t.Cleanup(func() { // the last, when all files of the test are closed
				if err := before.Left(); err != nil && !t.Failed() {
					t.Error(err)
				}
			})
			set, err := poll.New(backend)
			if err != nil {
				t.Fatal(err)
			}
			test(t, set)
			if err := set.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		})
	}
}

// only is each for one backend.
func only(t *testing.T, backend poll.Backend) *poll.Set {
	t.Helper()
	set, err := poll.New(backend)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Close() })
	return set
}

func add(t *testing.T, set *poll.Set, source syscall.Conn, want poll.Events, mode poll.Mode) *poll.Registration {
	t.Helper()
	r, err := set.Add(source, want, mode)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pipe is closed with the test, at the latest.
func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

func write(t testing.TB, w *os.File, text string) {
	t.Helper()
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, r *os.File, most int) {
	t.Helper()
	if _, err := r.Read(make([]byte, most)); err != nil {
		t.Fatal(err)
	}
}

func close1(t testing.TB, f *os.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// tries is what TryWait tells, of as many as there may be.
func tries(t *testing.T, set *poll.Set) []poll.Event {
	t.Helper()
	events := make([]poll.Event, 64)
	n, err := set.TryWait(events)
	if err != nil {
		t.Fatal(err)
	}
	return events[:n]
}

// tells wants exactly these of TryWait.
func tells(t *testing.T, set *poll.Set, want ...poll.Event) {
	t.Helper()
	if got := tries(t, set); !slices.Equal(got, want) {
		t.Errorf("it tells %v, want %v", got, want)
	}
}

// A waiter is a Wait in a goroutine of its own.
type waiter struct {
	*kithtest.Call
	events []poll.Event
}

// waits returns when the Wait has nothing to return for.
func waits(t *testing.T, set *poll.Set) *waiter {
	t.Helper()
	return waitsFor(t.Context(), t, set)
}

func waitsFor(ctx context.Context, t *testing.T, set *poll.Set) *waiter {
	t.Helper()
	w := &waiter{}
	w.Call = kithtest.Go(func() error {
		events := make([]poll.Event, 16)
		n, err := set.Wait(ctx, events)
		w.events = events[:n]
		return err
	})
	if err := w.Parked(); err != nil {
		t.Fatal(err)
	}
	return w
}

// returns wants exactly these.
func (w *waiter) returns(t *testing.T, want ...poll.Event) {
	t.Helper()
	if err := w.Wait(); err != nil || !slices.Equal(w.events, want) {
		t.Fatalf("it returned %v, %v, want %v", w.events, err, want)
	}
}

// soon bounds what must come.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
