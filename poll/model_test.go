package poll_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"kith/poll"
)

// A model is what a set of pipes must tell.
type model struct {
	set     *poll.Set
	backend poll.Backend
	pipes   []*modelPipe
	dead    map[*poll.Registration]bool // closed without Remove
	ghosts  []*os.File                  // what is open still of those
}

type modelPipe struct {
	r, w         *os.File
	bytes        int
	registration *poll.Registration // nil: none
	mode         poll.Mode
	want         poll.Events
	armed        bool // OneShot
	news         bool // Edge
}

// expected is whether the pipe must be told of.
func (p *modelPipe) expected() bool {
	return p.registration != nil && p.want == poll.Readable && p.bytes > 0 && p.armed && p.news
}

// tellAnew is what Add and Modify do.
func (p *modelPipe) tellAnew() { p.armed, p.news = true, true }

// toldOf is what it is after it was told of.
func (p *modelPipe) toldOf() {
	p.armed = p.mode&poll.OneShot == 0
	p.news = p.mode&poll.Edge == 0
}

// Whatever is done to a set, in whatever order, it tells of exactly what is ready.
func TestModel(t *testing.T) {
	for _, backend := range poll.Backends() {
		t.Run(backend.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				set, err := poll.New(backend)
				if err != nil {
					t.Fatal(err)
				}
				m := &model{set: set, backend: backend, dead: map[*poll.Registration]bool{}}
				defer m.close()
				for range 4 {
					m.pipes = append(m.pipes, m.pipe(t))
				}
				t.Repeat(map[string]func(*rapid.T){
					"":       m.look,
					"add":    m.add,
					"remove": m.remove,
					"modify": m.modify,
					"write":  m.write,
					"drain":  m.drain,
					"close":  m.closeQuietly,
					"wake":   m.wake,
					"few":    func(t *rapid.T) { m.tells(t, rapid.IntRange(1, 3).Draw(t, "room")) },
				})
			})
		})
	}
}

func (m *model) pipe(t *rapid.T) *modelPipe {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return &modelPipe{r: r, w: w}
}

func (m *model) close() {
	_ = m.set.Close()
	for _, p := range m.pipes {
		p.close()
	}
	for _, f := range m.ghosts {
		_ = f.Close()
	}
}

func (p *modelPipe) close() {
	_, _ = p.r.Close(), p.w.Close()
}

func (m *model) some(t *rapid.T) *modelPipe { return rapid.SampledFrom(m.pipes).Draw(t, "pipe") }

func (m *model) add(t *rapid.T) {
	p := m.some(t)
	if p.registration != nil {
		t.Skip("it is in the set")
	}
	p.mode = poll.Level
	if rapid.Bool().Draw(t, "one-shot") {
		p.mode |= poll.OneShot
	}
	if m.backend == poll.Epoll && rapid.Bool().Draw(t, "edge") {
		p.mode |= poll.Edge
	}
	p.want = rapid.SampledFrom([]poll.Events{poll.Readable, 0}).Draw(t, "want")
	registration, err := m.set.Add(p.r, p.want, p.mode)
	if err != nil {
		t.Fatal(err)
	}
	p.registration = registration
	p.tellAnew()
}

func (m *model) remove(t *rapid.T) {
	if p := m.some(t); p.registration != nil {
		p.registration.Remove()
		p.registration = nil
	}
}

func (m *model) modify(t *rapid.T) {
	p := m.some(t)
	if p.registration == nil {
		t.Skip("it is not in the set")
	}
	p.want = rapid.SampledFrom([]poll.Events{poll.Readable, 0}).Draw(t, "want")
	if err := p.registration.Modify(p.want); err != nil {
		t.Fatal(err)
	}
	p.tellAnew()
}

func (m *model) write(t *rapid.T) {
	p := m.some(t)
	if _, err := p.w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	p.bytes++
	p.news = true
}

func (m *model) drain(t *rapid.T) {
	p := m.some(t)
	if p.bytes == 0 {
		t.Skip("it is empty")
	}
	n, err := p.r.Read(make([]byte, 1+p.bytes))
	if err != nil || n != p.bytes {
		t.Fatal(n, err)
	}
	p.bytes = 0
}

// closeQuietly closes the reader without Remove, and has another pipe get its number. A
// duplicate may stay open, with something to read: it haunts.
func (m *model) closeQuietly(t *rapid.T) {
	p := m.some(t)
	if p.registration != nil {
		m.dead[p.registration] = true
	}
	if rapid.Bool().Draw(t, "duplicate") {
		m.haunt(t, p)
	} else {
		p.close()
	}
	*p = *m.pipe(t)
}

func (m *model) haunt(t *rapid.T, p *modelPipe) {
	raw, err := p.r.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) {
			var duplicate int
			duplicate, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
			m.ghosts = append(m.ghosts, os.NewFile(uintptr(duplicate), "ghost"), p.w)
		})
	}
	_, written := p.w.WriteString("boo")
	if err := errors.Join(err, written, p.r.Close()); err != nil {
		t.Fatal(err)
	}
}

// wake has a Wait tell, which returns at once.
func (m *model) wake(t *rapid.T) {
	if err := m.set.Wake(); err != nil {
		t.Fatal(err)
	}
	events := make([]poll.Event, 64)
	n, err := m.set.Wait(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	m.check(t, events[:n])
	if n, err := m.set.TryWait(events); err != nil { // where the bell was the first
		t.Fatal(err)
	} else if m.check(t, events[:n]); n < len(events) {
		m.checkMissing(t, events[:n])
	}
}

// look is all that is ready.
func (m *model) look(t *rapid.T) { m.tells(t, 64) }

func (m *model) tells(t *rapid.T, room int) {
	events := make([]poll.Event, room)
	n, err := m.set.TryWait(events)
	if err != nil {
		t.Fatal(err)
	}
	if n < room {
		m.checkMissing(t, events[:n])
	}
	m.check(t, events[:n])
}

// checkMissing: none that is ready was left out.
func (m *model) checkMissing(t *rapid.T, events []poll.Event) {
	for _, p := range m.pipes {
		if p.expected() && !slices.Contains(events, poll.Event{Registration: p.registration, Ready: poll.Readable}) {
			t.Fatalf("one that is ready is not in %v", events)
		}
	}
}

// check: none that is not ready was told of, and none twice.
func (m *model) check(t *rapid.T, events []poll.Event) {
	for _, event := range events {
		if event.Ready == poll.Closed && m.dead[event.Registration] {
			delete(m.dead, event.Registration)
			continue
		}
		i := slices.IndexFunc(m.pipes, func(p *modelPipe) bool { return p.registration == event.Registration })
		if i < 0 || event.Ready != poll.Readable {
			t.Fatalf("it tells %v", event)
		}
		p := m.pipes[i]
		p.news = p.news || m.haunted()
		if !p.expected() {
			t.Fatalf("it tells of %d, which is not ready", i)
		}
		p.toldOf()
	}
}

// haunted: an edge may be told again.
func (m *model) haunted() bool { return len(m.ghosts) > 0 }
