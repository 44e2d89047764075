package fifo_test

import (
	"context"
	"sync/atomic"
	"testing"

	"kith/fifo"
	"kith/internal/kithtest"
)

// A counted context does not end, and knows how many wait for that.
type counted struct {
	context.Context
	done    chan struct{}
	waiting atomic.Int32
}

func (c *counted) Done() <-chan struct{} { return c.done }

// AfterFunc is what context.AfterFunc calls.
func (c *counted) AfterFunc(func()) (stop func() bool) {
	c.waiting.Add(1)
	return func() bool { c.waiting.Add(-1); return true }
}

// A context that lives on is let go by what was closed, and by calls that ended.
func TestContextIsLetGo(t *testing.T) {
	ctx := &counted{Context: t.Context(), done: make(chan struct{})}
	w, reader := records(t, made(t))
	ok(t, w.Write(ctx, []byte("x")))
	if ctx.waiting.Load() != 1 {
		t.Error("no registration: this test sees nothing")
	}
	ok(t, w.Close())

	path, they := made(t), cPeer(t)
	s := openSessions(t, path)
	they.asks("ok", "open w %s", path)
	they.asks("ok", "write x")
	ok(t, s.Next(ctx))
	reads(t, s.Reader(ctx), "x")
	ok(t, s.Close())

	out, in := pipe(t, 0)
	both := must(t, fifo.OpenBoth, path)
	waits := kithtest.Go(func() error { _, err := fifo.Splice(ctx, out, both, 1); return err })
	ok(t, waits.Parked())
	_, err := in.WriteString("x")
	ok(t, err)
	ok(t, waits.Wait())
	ok(t, reader.Close())
	if n := ctx.waiting.Load(); n != 0 {
		t.Errorf("%d still wait for the context's end", n)
	}
}
