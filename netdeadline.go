package kith

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A deadline is a context for one direction of a net.Conn: it ends when the time comes
// that was set last, and begins anew when another is set.
type deadline struct {
	mu    sync.Mutex
	at    time.Time // zero: never
	timer *time.Timer
	now   atomic.Pointer[moment]
}

// A moment is the context from one setting of a deadline to the next, or over several where
// it has not ended.
type moment struct {
	ended atomic.Bool
	done  chan struct{}

	mu    sync.Mutex
	calls map[*func()]struct{} // by AfterFunc, until it has ended
}

// context is what a call that begins now waits with.
func (d *deadline) context() context.Context {
	if now := d.now.Load(); now != nil {
		return now
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current()
}

func (d *deadline) current() *moment {
	now := d.now.Load()
	if now == nil {
		now = &moment{done: make(chan struct{})}
		d.now.Store(now)
	}
	return now
}

// set makes calls that are under way, and those to come, end at a time; zero: never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.at.IsZero() {
		d.timer.Stop() // ring sees it where this comes too late
	}
	d.at = t
	if now := d.now.Load(); now != nil && now.ended.Load() {
		d.now.Store(nil)
	}
	switch left := time.Until(t); {
	case t.IsZero():
	case left <= 0:
		d.current().end()
	case d.timer == nil:
		d.timer = time.AfterFunc(left, d.ring)
	default:
		d.timer.Reset(left)
	}
}

// ring is the timer's. It may come late, when another time has been set, or early, when the
// clock was.
func (d *deadline) ring() {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch left := time.Until(d.at); {
	case d.at.IsZero():
	case left > 0:
		d.timer.Reset(left)
	default:
		d.current().end()
	}
}

// end comes once, or again where that does no harm.
func (m *moment) end() {
	m.mu.Lock()
	ended := m.ended.Swap(true)
	calls := m.calls
	m.calls = nil
	m.mu.Unlock()
	if ended {
		return
	}
	close(m.done)
	for call := range calls {
		(*call)() // not in a goroutine of its own: it is short, and net/http ends a Read a request
	}
}

func (m *moment) Deadline() (time.Time, bool) { return time.Time{}, false }
func (m *moment) Done() <-chan struct{}       { return m.done }
func (m *moment) Value(any) any               { return nil }

func (m *moment) Err() error {
	if m.ended.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// AfterFunc spares package context a goroutine for each that waits (context.AfterFunc).
func (m *moment) AfterFunc(f func()) (stop func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended.Load() {
		go f()
		return func() bool { return false }
	}
	if m.calls == nil {
		m.calls = map[*func()]struct{}{}
	}
	call := &f
	m.calls[call] = struct{}{}
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		_, waits := m.calls[call]
		delete(m.calls, call)
		return waits
	}
}
