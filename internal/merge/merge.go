package merge

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kith/poll"
)

// Options are how lines are taken in and written.
type Options struct {
	// Backend is the system call that waits for the sources.
	Backend poll.Backend
	// Follow goes on at the end of files and FIFOs, and waits for paths that are not
	// there.
	Follow bool
	// Stdout is for the lines, Stderr for those of a command's standard error.
	Stdout, Stderr *os.File
	// Format and ErrFormat write a line to them.
	Format, ErrFormat Format
	// Say appends to a buffer, for Stderr, what becomes of a source.
	Say func(to []byte, source string, news error) []byte
	// Waiting appends, a moment after the start and once, of FIFOs without a writer, if
	// nothing has come from any source.
	Waiting func(to []byte, sources []string) []byte
}

// A Merge takes in lines from sources. Its methods are for one goroutine, but for
// Stop.
type Merge struct {
	Options
	set      *poll.Set
	out, err *output
	buffer   []byte // of a turn
	events   []poll.Event
	budget   budget

	streams  []*stream // all that there are or were
	commands []*command
	live     int               // streams and commands that have not ended
	eager    []*stream         // have a turn in each round, without being waited for
	taken    map[identity]bool // what has one reader
	stdin    bool              // has one, too
	watcher  *watcher          // nil: nothing is followed
	stopped  bool
	fatal    error // why it was stopped
	failed   bool

	ctx    context.Context // of what other goroutines do for us
	cancel context.CancelFunc

	mu      sync.Mutex
	errands []func() // for the goroutine that reads
	closed  bool
}

// turnSize is how much a source may have in its turn, in bytes: as much as a pipe holds.
const turnSize = 64 << 10

// most is how many sources have a turn in one round.
const most = 256

// New makes a Merge without sources. Run must be called, and closes it. The errors
// are those of poll.New.
func New(o Options) (*Merge, error) {
	set, err := poll.New(o.Backend)
	if err != nil {
		return nil, err
	}
	m := &Merge{
		Options: o, set: set, out: newOutput(o.Stdout), err: newOutput(o.Stderr),
		buffer: make([]byte, turnSize), events: make([]poll.Event, most), taken: map[identity]bool{},
		budget: budget{holders: map[*lines]struct{}{}},
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m, nil
}

// A Result is what became of the sources.
type Result struct {
	// Failed is whether a source failed that is no command, or Stderr did.
	Failed bool
	// Command is how that command ended which is the first, in the order of Add, of
	// those that failed; nil where none did.
	Command *os.ProcessState
}

// Run takes in lines until all sources have ended. Where ctx ends, it kills the
// commands and returns at once.
//
// Errors: of the output, an *os.PathError, or EPIPE; of waiting, an *os.SyscallError;
// poll.ErrTooHigh in an *ipc.LimitError, where select cannot hold so many; the cause of
// ctx's end.
func (m *Merge) Run(ctx context.Context) (Result, error) {
	defer m.close()
	defer context.AfterFunc(ctx, m.giveUp)()
	go m.out.write(m.outputFailed)
	go m.err.write(func() {}) // what is for Stdout goes on
	go m.awaitReaderless()
	defer time.AfterFunc(aMoment, func() { m.later(m.tellWaiting) }).Stop()
	m.runErrands()
	m.flush()
	for m.live > 0 {
		if err := m.round(ctx); err != nil {
			m.signal(unix.SIGKILL)
			return m.result(), err
		}
	}
	err := m.out.drain()
	if m.err.drain() != nil {
		m.failed = true
	}
	if m.fatal != nil {
		err = m.fatal
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return m.result(), err
}

// aMoment is how long nobody minds to wait without a word.
const aMoment = 500 * time.Millisecond

// tellWaiting says for whom one waits where nothing has come yet.
func (m *Merge) tellWaiting() {
	var silent []string
	for _, s := range m.streams {
		if s.heard {
			return
		}
		if s.fifo && !s.ended {
			silent = append(silent, s.name)
		}
	}
	if len(silent) > 0 {
		m.err.ready = m.Waiting(m.err.ready, silent)
	}
}

// round gives each source that is ready a turn.
func (m *Merge) round(ctx context.Context) error {
	n, err := m.wait(ctx)
	if err != nil {
		return err
	}
	for _, event := range m.events[:n] {
		if s := event.Registration.Source().(source); s.has(event.Registration) {
			s.turn()
		}
	}
	eager := m.eager
	m.eager = nil
	for _, s := range eager {
		s.eager = false
		s.turn()
	}
	m.runErrands()
	m.flush()
	return nil
}

// flush has written what was taken in.
func (m *Merge) flush() {
	m.out.flush()
	m.err.flush()
}

// A source is what is in the set: a stream, or the watcher of files.
type source interface {
	syscall.Conn
	has(*poll.Registration) bool
	turn()
}

func (m *Merge) wait(ctx context.Context) (int, error) {
	if len(m.eager) == 0 {
		return m.set.Wait(ctx, m.events)
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return m.set.TryWait(m.events)
}

// later has the goroutine that reads do something. It is false after the end.
func (m *Merge) later(errand func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.errands = append(m.errands, errand)
	_ = m.set.Wake()
	return true
}

func (m *Merge) runErrands() {
	m.mu.Lock()
	errands := m.errands
	m.errands = nil
	m.mu.Unlock()
	for _, errand := range errands {
		errand()
	}
}

func (m *Merge) result() Result {
	r := Result{Failed: m.failed}
	for _, c := range m.commands {
		if r.Command == nil && c.state != nil && !c.state.Success() {
			r.Command = c.state
		}
	}
	return r
}

// fail is for a source that did not become one.
func (m *Merge) fail(name string, err error) {
	m.failed = true
	m.say(name, cause(err))
}

// say tells it in its place among the lines of Stderr.
func (m *Merge) say(name string, news error) { m.err.ready = m.Say(m.err.ready, name, news) }

func (m *Merge) giveUp() {
	m.out.giveUp()
	m.err.giveUp()
}

func (m *Merge) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.cancel()
	m.giveUp()
	for _, s := range m.streams {
		s.close()
	}
	if m.watcher != nil {
		m.watcher.close()
	}
	_ = m.set.Close()
}
