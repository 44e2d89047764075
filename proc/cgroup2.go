package proc

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"kith/poll"
)

// A group2 is a control group of version 2. Its files say how things are, and are ready
// (POLLPRI) when that has changed since they were read.
type group2 struct {
	watch  *Watch
	folder *folder // while it is opened

	events    *source // cgroup.events
	memory    *source // memory.events; nil without the memory controller
	populated bool
	oom       uint64
	killed    uint64
}

// open hears of the removal first, and then looks whether the group is there still.
func (g *group2) open() (err error) {
	if g.watch.forget, err = g.watch.watcher.hear(g); err != nil {
		return err
	}
	if g.events, err = g.follow("cgroup.events"); errors.Is(err, fs.ErrNotExist) {
		return failed("cgroup", g.folder.path, ErrNotCgroup)
	}
	if err == nil {
		if g.memory, err = g.follow("memory.events"); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = g.read()
	}
	return err
}

func (g *group2) follow(name string) (*source, error) {
	file, err := g.folder.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	s := &source{File: file, want: poll.Priority, ready: g.see}
	g.watch.sources = append(g.watch.sources, s)
	return s, nil
}

func (g *group2) see(poll.Events) { g.look() }

// look tells what has changed. A group that is removed had no process any more.
func (g *group2) look() {
	before := *g
	err := g.read()
	if removed(err) {
		g.populated = false
	}
	if g.oom != before.oom || g.killed != before.killed {
		g.watch.tell(OutOfMemory{origin{g.watch}, g.oom - before.oom, g.killed - before.killed})
	}
	switch {
	case g.populated && !before.populated:
		g.watch.tell(Populated{origin{g.watch}})
	case !g.populated && before.populated:
		g.watch.tell(Emptied{origin{g.watch}})
	}
	switch {
	case removed(err):
		g.watch.end(Removed{origin{g.watch}})
	case err != nil:
		g.watch.fail(err)
	}
}

// read reads memory.events first: who runs out of memory may empty the group.
func (g *group2) read() error {
	if g.memory != nil {
		counters, err := count(g.memory.File)
		if err == nil {
			g.oom, err = counters.of("oom")
		}
		if err == nil {
			g.killed, err = counters.of("oom_kill")
		}
		if err != nil {
			return err
		}
	}
	counters, err := count(g.events.File)
	if err != nil {
		return err
	}
	populated, err := counters.of("populated")
	g.populated = populated != 0
	return err
}
