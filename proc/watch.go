package proc

import (
	"os"
	"strconv"

	"kith/poll"
)

// A Watch is a process, a control group or an exit FIFO that is watched. Any number of
// goroutines may use it at once, and after its end too.
type Watch struct {
	watcher *Watcher
	kind    string
	pid     int
	path    string

	// Guarded by the watcher's mu.

	sources []*source
	forget  func() // what else it has to give back
}

// PID is the process's number, as this process sees it; 0 where it cannot, and for what is
// no process. After the last event another process may have it.
func (t *Watch) PID() int { return t.pid }

// Path is what was given to FIFO or Cgroup; empty for a process.
func (t *Watch) Path() string { return t.path }

// String is "process 4711", "fifo /run/job/exit" or "cgroup /sys/fs/cgroup/job".
func (t *Watch) String() string {
	if t.path == "" {
		return t.kind + " " + strconv.Itoa(t.pid)
	}
	return t.kind + " " + t.path
}

// Remove ends the watch without a last event, and closes its descriptors. No event of it
// comes from then on, but for one that another goroutine is about to get. What is watched
// goes on. Removing twice does nothing.
func (t *Watch) Remove() {
	t.watcher.mu.Lock()
	defer t.watcher.mu.Unlock()
	delete(t.watcher.watches, t)
	t.release()
}

// A source is a descriptor of a watch, in the watcher's set.
type source struct {
	*os.File
	want poll.Events
	// ready looks what has come. The watcher's mu is held.
	ready func(poll.Events)

	registration *poll.Registration // nil: it is in no set
}

// begin opens what the watch needs, and puts its sources into the set. Where that fails,
// they are closed.
func (w *Watcher) begin(t *Watch, open func() error) (*Watch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.watcher = w
	err := open()
	for i := 0; err == nil && i < len(t.sources); i++ {
		err = w.admit(t.sources[i])
	}
	if err != nil {
		t.release()
		return nil, err
	}
	w.watches[t] = struct{}{}
	return t, nil
}

// has is for sources that are open already.
func (t *Watch) has(sources ...*source) func() error {
	t.sources = sources
	return func() error { return nil }
}

func (w *Watcher) admit(s *source) (err error) {
	s.registration, err = w.set.Add(s, s.want, poll.Level)
	return err
}

// tell queues an event.
func (t *Watch) tell(e Event) { t.watcher.queue = append(t.watcher.queue, e) }

// end queues the last event.
func (t *Watch) end(e Event) {
	t.tell(e)
	t.release()
}

// fail is the end of a watch that can see no more.
func (t *Watch) fail(err error) { t.end(Failed{origin{t}, err}) }

func (t *Watch) release() {
	for _, s := range t.sources {
		s.leave()
	}
	t.sources = nil
	if t.forget != nil {
		t.forget()
		t.forget = nil
	}
}

// leave removes the source from the set before it is closed.
func (s *source) leave() {
	if s.registration != nil {
		s.registration.Remove()
		s.registration = nil
	}
	_ = s.Close()
}
