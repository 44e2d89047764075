package sys_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"kith/internal/kithtest"
	"kith/internal/sys"
)

// A line is a pipe whose reads a Bridge interrupts.
type line struct {
	r, w   *os.File
	bridge sys.Bridge
}

func newLine(t *testing.T) *line {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	return &line{r: r, w: w, bridge: sys.Bridge{SetDeadline: r.SetReadDeadline}}
}

// read takes one byte, as a call of a transport does.
func (l *line) read(ctx context.Context) error {
	l.bridge.Arm(ctx)
	_, err := io.ReadFull(l.r, make([]byte, 1))
	return l.bridge.Cause(ctx, err)
}

func (l *line) write(t *testing.T) {
	t.Helper()
	if _, err := l.w.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
}

var errMine = errors.New("my cause")

func ended() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errMine)
	return ctx
}

func TestBridgeEndedBefore(t *testing.T) {
	l, ctx := newLine(t), ended()
	for range 2 { // the second time the registration is there already
		if err := l.read(ctx); !errors.Is(err, errMine) {
			t.Errorf("%v, want the context's cause", err)
		}
	}
}

func TestBridgeEndedDuring(t *testing.T) {
	l := newLine(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	call := kithtest.Go(func() error { return l.read(ctx) })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	cancel(errMine)
	if err := call.Wait(); !errors.Is(err, errMine) {
		t.Errorf("%v, want the context's cause", err)
	}
}

// What one context did to the descriptor is undone for the next, of whatever kind.
func TestBridgeEndedAfter(t *testing.T) {
	alive, cancelAlive := context.WithCancel(t.Context())
	defer cancelAlive()
	for name, next := range map[string]context.Context{"background": context.Background(), "another": alive} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			l.write(t)
			if err := l.read(ctx); err != nil {
				t.Fatal(err)
			}
			cancel(errMine)
			call := kithtest.Go(func() error { return l.read(next) })
			if err := call.Parked(); err != nil {
				t.Fatal(err)
			}
			l.write(t)
			if err := call.Wait(); err != nil {
				t.Errorf("with another context: %v", err)
			}
		})
	}
}

// A context that ends at the very moment at which another takes its place
// leaves no late deadline behind.
func TestBridgeEndsWhileReplaced(t *testing.T) {
	l := newLine(t)
	for range 3000 {
		ctx, cancel := context.WithCancel(context.Background())
		l.bridge.Arm(ctx)
		go cancel()
		l.write(t)
		if err := l.read(context.Background()); err != nil {
			t.Fatal(err)
		}
		cancel()
		l.write(t)
		if err := l.read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBridgeDisarm(t *testing.T) {
	l := newLine(t)
	l.bridge.Disarm() // of nothing
	if err := l.read(ended()); !errors.Is(err, errMine) {
		t.Fatal(err)
	}
	l.bridge.Disarm()
	l.bridge.Disarm()
	call := kithtest.Go(func() error { _, err := l.r.Read(make([]byte, 1)); return err })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	l.write(t)
	if err := call.Wait(); err != nil {
		t.Errorf("disarmed: %v", err)
	}
}

func TestBridgeOnAClosedDescriptor(t *testing.T) {
	l := newLine(t)
	ctx, cancel := context.WithCancel(t.Context())
	l.bridge.Arm(ctx)
	_ = l.r.Close()
	cancel()
	l.bridge.Disarm()
	if err := l.read(ended()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v, want that the file is closed", err)
	}
}

func TestBridgeCause(t *testing.T) {
	var b sys.Bridge
	for _, test := range []struct {
		ctx       context.Context
		err, want error
	}{
		{ended(), nil, nil},
		{ended(), io.EOF, io.EOF},
		{ended(), os.ErrDeadlineExceeded, errMine},
		{ended(), &os.PathError{Err: os.ErrDeadlineExceeded}, errMine},
		{context.Background(), os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
	} {
		if got := b.Cause(test.ctx, test.err); !errors.Is(got, test.want) {
			t.Errorf("%v became %v, want %v", test.err, got, test.want)
		}
	}
}

func TestBridgeAllocatesOnce(t *testing.T) {
	l := newLine(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if n := testing.AllocsPerRun(1000, func() { l.bridge.Arm(ctx) }); n != 0 {
		t.Errorf("%v allocations to arm the same context again", n)
	}
}
