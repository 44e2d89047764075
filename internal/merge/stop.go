package merge

import (
	"golang.org/x/sys/unix"

	"kith/poll"
)

// Stop ends the Merge: the commands get the signal, and are read until they have
// ended; nothing more is taken from other sources. What was taken is written, unless
// nobody takes it for a second. Any goroutine may call it, and more than once.
func (m *Merge) Stop(signal unix.Signal) {
	m.later(func() { m.stop(signal) })
	m.out.hurry() // the goroutine that reads may wait for it
	m.err.hurry()
}

func (m *Merge) stop(signal unix.Signal) {
	m.signal(signal)
	if m.stopped {
		return
	}
	m.stopped = true
	for _, s := range m.streams {
		if s.command == nil {
			s.finish()
		}
	}
}

// abort stops, once the sources have been added, because of an error that is no single
// source's.
func (m *Merge) abort(err error) {
	m.fatal = err
	m.later(func() { m.stop(unix.SIGTERM) })
}

// signal reaches all processes of the commands.
func (m *Merge) signal(signal unix.Signal) {
	for _, c := range m.commands {
		c.signal(signal)
	}
}

// outputFailed stops what nobody reads any more.
func (m *Merge) outputFailed() { m.Stop(unix.SIGTERM) }

// awaitReaderless finds out that the reader of a pipe has gone while there is nothing
// to write, as in `kith merge … | head -1`.
func (m *Merge) awaitReaderless() {
	set, err := poll.New(poll.Epoll)
	if err != nil {
		return
	}
	defer set.Close()
	if _, err := set.Add(m.Stdout, 0, poll.Level); err != nil {
		return // a file always takes more
	}
	events := make([]poll.Event, 1)
	n, err := set.Wait(m.ctx, events)
	if err == nil && n == 1 && events[0].Ready&poll.Error != 0 {
		m.out.fail(unix.EPIPE)
		m.outputFailed()
	}
}
