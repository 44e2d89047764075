package kith

import (
	"context"
	"os"
	"sync"
	"time"
)

// A deadline is a context for one direction of a net.Conn: it ends when the time comes
// that was set last, and begins anew when another is set.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	now   *moment
}

// A moment is the context from one setting of a deadline to the next.
type moment struct {
	done chan struct{}

	mu    sync.Mutex
	calls map[*func()]struct{} // by AfterFunc, until it has ended
	ended bool
}

// context is what a call that begins now waits with.
func (d *deadline) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current()
}

func (d *deadline) current() *moment {
	if d.now == nil {
		d.now = &moment{done: make(chan struct{}), calls: map[*func()]struct{}{}}
	}
	return d.now
}

// set makes calls that are under way, and those to come, end at a time; zero: never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.current()
	if d.timer != nil && !d.timer.Stop() {
		<-now.done // it is about to end
	}
	d.timer = nil
	if now.hasEnded() {
		d.now = nil
		now = d.current()
	}
	switch left := time.Until(t); {
	case t.IsZero():
	case left <= 0:
		now.end()
	default:
		d.timer = time.AfterFunc(left, now.end)
	}
}

func (m *moment) hasEnded() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended
}

func (m *moment) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	m.ended = true
	close(m.done)
	for call := range m.calls {
		go (*call)()
	}
	m.calls = nil
}

func (m *moment) Deadline() (time.Time, bool) { return time.Time{}, false }
func (m *moment) Done() <-chan struct{}       { return m.done }
func (m *moment) Value(any) any               { return nil }

func (m *moment) Err() error {
	if m.hasEnded() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// AfterFunc spares package context a goroutine for each that waits (context.AfterFunc).
func (m *moment) AfterFunc(f func()) (stop func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		go f()
		return func() bool { return false }
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
