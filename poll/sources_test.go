package poll_test

import (
	"os"
	"syscall"
	"testing"

	"kith/poll"
)

// A source is one end of each kind that the kernel has, and a peer at the other, who
// makes it ready.
type source struct {
	conn  syscall.Conn
	ready func()
	drain func() // nil: it stays ready
}

type start = func(end *os.File) peer

var sources = map[string]func(t *testing.T, start start) source{
	"pipe":            pipeSource,
	"fifo":            fifoSource,
	"unix socket":     socketSource,
	"tcp":             tcpSource,
	"unix listener":   listenerSource,
	"tcp listener":    tcpListenerSource,
	"eventfd":         eventfdSource,
	"timerfd":         timerfdSource,
	"pidfd":           pidfdSource,
	"inotify":         inotifySource,
	"terminal":        terminalSource,
	"epoll":           epollSource,
	"mq":              queueSource,
	"mq notification": notificationSource,
}

// Each kind of source, in sets of all backends at once, made ready by programs that are
// not ours: who waits is woken, it is a level, and it ends.
func TestSources(t *testing.T) {
	withPeers(t, func(t *testing.T, start func(end *os.File) peer) {
		for name, open := range sources {
			t.Run(name, func(t *testing.T) { testSource(t, open(t, start)) })
		}
	})
}

func testSource(t *testing.T, s source) {
	sets := map[*poll.Set]poll.Event{}
	for _, backend := range poll.Backends() {
		set := only(t, backend)
		sets[set] = poll.Event{Registration: add(t, set, s.conn, poll.Readable, poll.Level), Ready: poll.Readable}
	}
	var waiters []*waiter
	for set := range sets {
		tells(t, set)
		waiters = append(waiters, waits(t, set))
	}
	s.ready()
	for _, w := range waiters {
		if err := w.Wait(); err != nil || len(w.events) != 1 || sets[setOf(sets, w.events[0])] != w.events[0] {
			t.Errorf("it returned %v, %v", w.events, err)
		}
	}
	for set, event := range sets {
		tells(t, set, event)
	}
	if s.drain == nil {
		return
	}
	s.drain()
	for set := range sets {
		tells(t, set)
	}
}

func setOf(sets map[*poll.Set]poll.Event, event poll.Event) *poll.Set {
	for set, want := range sets {
		if want.Registration == event.Registration {
			return set
		}
	}
	return nil
}
