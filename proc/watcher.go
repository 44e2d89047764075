package proc

import (
	"context"
	"iter"
	"os"
	"sync"

	"kith/poll"
)

// A Watcher watches processes, control groups and exit FIFOs over one epoll. Any number
// of goroutines may use it at once. It holds no thread, and for each watch one to three
// descriptors.
type Watcher struct {
	set  *poll.Set
	turn chan struct{} // held by whoever waits for events

	mu      sync.Mutex
	watches map[*Watch]struct{} // whose last event was not given out
	queue   []Event             // not given out yet
	news    *removals           // nil: no group of version 2 is watched
	closed  bool

	batch [64]poll.Event // of whoever has the turn
}

// New makes a watcher without watches. The caller must Close it.
//
// Errors: RLIMIT_NOFILE (EMFILE), file-max (ENFILE) and max_user_watches (ENOSPC) as limits;
// ENOMEM.
func New() (*Watcher, error) {
	set, err := poll.New(poll.Epoll)
	if err != nil {
		return nil, err
	}
	return &Watcher{set: set, turn: make(chan struct{}, 1), watches: map[*Watch]struct{}{}}, nil
}

// Events is all events, one by one, until ctx ends or there is an error, which comes last.
// Each comes once, to one of those who iterate, and those of one watch in their order.
// Who leaves the loop, or whose ctx ends, has what came until then; the next Events, of
// anybody, goes on from there.
//
// Errors: the cause of ctx's end; context.DeadlineExceeded; os.ErrClosed.
func (w *Watcher) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := w.next(ctx)
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// next waits for an event. Whoever has the turn waits for all, and the others for the turn:
// so none waits in the kernel while an event is in the queue.
func (w *Watcher) next(ctx context.Context) (Event, error) {
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, os.NewSyscallError("epoll_wait", context.Cause(ctx))
	}
	defer func() { <-w.turn }()
	for ctx.Err() == nil {
		if event := w.take(); event != nil {
			return event, nil
		}
		n, err := w.set.Wait(ctx, w.batch[:])
		if err != nil {
			return nil, err
		}
		w.see(w.batch[:n])
	}
	return nil, os.NewSyscallError("epoll_wait", context.Cause(ctx))
}

// take is the first event of a watch that was not removed since; nil: there is none.
func (w *Watcher) take() Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) > 0 {
		event := w.queue[0]
		w.queue[0] = nil
		w.queue = w.queue[1:]
		watch := event.Watch()
		if _, is := w.watches[watch]; !is {
			continue
		}
		if event.Last() {
			delete(w.watches, watch)
		}
		return event
	}
	return nil
}

// see turns what is ready into events.
func (w *Watcher) see(batch []poll.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, ready := range batch {
		batch[i] = poll.Event{}
		if ready.Registration == nil {
			continue
		}
		if s := ready.Registration.Source().(*source); s.registration != nil {
			s.ready(ready.Ready)
		}
	}
}

// Len is how many watches have not ended: those whose last event was not given out, and that
// were not removed.
func (w *Watcher) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.watches)
}

// Close ends all watches, and closes their descriptors. Who iterates gets os.ErrClosed, and
// so does who closes twice. The processes go on.
func (w *Watcher) Close() error {
	err := w.set.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return err
	}
	w.closed = true
	for watch := range w.watches {
		watch.release()
	}
	if w.news != nil {
		w.news.leave()
	}
	clear(w.watches)
	return err
}
