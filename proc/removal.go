package proc

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/poll"
)

// A removals hears which groups of version 2 are removed: their own files do not wake who
// waits for them then. It is the watcher's one instance of inotify(7), which it keeps until it
// is closed, and hears of what is deleted in the directories above.
type removals struct {
	source
	inotify sys.Inotify

	groups map[place]map[*group2]struct{}
	names  map[int]int // how many places each parent has
}

// A place is a parent's number with inotify, and a name in it. A group keeps its place: those
// of version 2 cannot be renamed.
type place struct {
	parent int
	name   string
}

// hear looks at the group again when something of its name has been deleted. What it returns
// ends that. The watcher's mu is held.
func (w *Watcher) hear(g *group2) (forget func(), err error) {
	parent, err := g.folder.parent()
	if parent == nil || err != nil {
		return nil, err
	}
	defer parent.Close()
	if w.news == nil {
		if w.news, err = w.newRemovals(); err != nil {
			return nil, err
		}
	}
	return w.news.add(g, parent)
}

// parent is nil for a group whose parent is not to be seen from here.
func (f *folder) parent() (*folder, error) {
	file, err := f.open("..", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	parent := &folder{file, f.path + "/.."}
	if kind, err := parent.fileSystem(); err != nil || kind != unix.CGROUP2_SUPER_MAGIC {
		_ = parent.Close()
		return nil, err
	}
	return parent, nil
}

func (w *Watcher) newRemovals() (*removals, error) {
	inotify, err := sys.OpenInotify()
	if err != nil {
		return nil, os.NewSyscallError("inotify_init", err)
	}
	r := &removals{inotify: inotify, groups: map[place]map[*group2]struct{}{}, names: map[int]int{}}
	r.source = source{File: inotify.File, want: poll.Readable, ready: r.see}
	if err := w.admit(&r.source); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

func (r *removals) add(g *group2, parent *folder) (forget func(), err error) {
	name, err := os.Readlink(g.folder.link())
	if err != nil {
		return nil, err
	}
	parentInode, err := r.inotify.Watch(parent.link(), unix.IN_DELETE)
	if err != nil {
		return nil, failed("inotify_add_watch", parent.path, err)
	}
	at := place{parentInode, filepath.Base(name)}
	if r.groups[at] == nil {
		r.groups[at] = map[*group2]struct{}{}
		r.names[at.parent]++
	}
	r.groups[at][g] = struct{}{}
	return func() { r.remove(g, at) }, nil
}

// link is a name for what is open, whatever its path names by now.
func (f *folder) link() string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

func (r *removals) remove(g *group2, at place) {
	delete(r.groups[at], g)
	if len(r.groups[at]) > 0 {
		return
	}
	delete(r.groups, at)
	if r.names[at.parent]--; r.names[at.parent] > 0 {
		return
	}
	delete(r.names, at.parent)
	r.inotify.Unwatch(at.parent)
}

// see has those groups looked at of whose name something has been deleted: another may have
// got the name.
func (r *removals) see(poll.Events) {
	for notice := range r.inotify.Notices() {
		if notice.Happened&unix.IN_Q_OVERFLOW != 0 {
			r.lookAtAll()
		}
		r.look(place{notice.Inode, notice.Name})
	}
}

func (r *removals) look(at place) {
	for g := range r.groups[at] {
		g.look()
	}
}

// lookAtAll is for events that the kernel had no room for.
func (r *removals) lookAtAll() {
	for at := range r.groups {
		r.look(at)
	}
}
