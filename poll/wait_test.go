package poll_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"kith/internal/kithtest"
	"kith/poll"
)

// each runs a test with a set of each backend, and sees that nothing is left.
func each(t *testing.T, test func(t *testing.T, set *poll.Set)) {
	for _, backend := range poll.Backends() {
		t.Run(backend.String(), func(t *testing.T) {
			before := kithtest.Hold()
			set, err := poll.New(backend)
			if err != nil {
				t.Fatal(err)
			}
			test(t, set)
			if err := set.Close(); err != nil {
				t.Error(err)
			}
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

func add(t *testing.T, set *poll.Set, file *os.File, want poll.Events, mode poll.Mode) *poll.Registration {
	t.Helper()
	r, err := set.Add(file, want, mode)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

func TestWait(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		defer r.Close()
		defer w.Close()
		registration := add(t, set, r, poll.Readable, poll.Level)
		events := make([]poll.Event, 4)
		n := 0
		waiting := kithtest.Go(func() (err error) { n, err = set.Wait(t.Context(), events); return err })
		if err := waiting.Parked(); err != nil {
			t.Error(err)
		}
		_, _ = w.WriteString("x")
		if err := waiting.Wait(); err != nil || n != 1 || events[0] != (poll.Event{Registration: registration, Ready: poll.Readable}) {
			t.Fatalf("%d, %v, %v", n, events[0], err)
		}
	})
}

func TestEnds(t *testing.T) {
	each(t, func(t *testing.T, set *poll.Set) {
		r, w := pipe(t)
		defer r.Close()
		defer w.Close()
		add(t, set, r, poll.Readable, poll.Level)
		events := make([]poll.Event, 4)
		ctx, cancel := context.WithCancel(t.Context())
		for _, end := range []struct {
			by   func() error
			want error
		}{
			{set.Wake, nil},
			{func() error { cancel(); return nil }, context.Canceled},
		} {
			waiting := kithtest.Go(func() error { _, err := set.Wait(ctx, events); return err })
			if err := waiting.Parked(); err != nil {
				t.Error(err)
			}
			if err := end.by(); err != nil {
				t.Error(err)
			}
			if err := waiting.Wait(); !errors.Is(err, end.want) {
				t.Errorf("%v, want %v", err, end.want)
			}
		}
		soon, cancel := context.WithTimeout(t.Context(), 300*time.Microsecond)
		defer cancel()
		if _, err := set.Wait(soon, events); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
