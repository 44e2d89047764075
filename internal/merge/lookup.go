package merge

import (
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A step is a name in a directory, by which a path is found.
type step struct {
	inode int // the watcher's number of the directory
	name  string
}

// watch hears of the path from now on.
func (m *Merge) watch(s *stream) error {
	if m.watcher == nil {
		w, err := newWatcher(m)
		if err != nil {
			return err
		}
		m.watcher = w
	}
	return m.watcher.watch(s)
}

// look watches the way that the path takes now.
func (w *watcher) look(s *stream) {
	if s.ended {
		return
	}
	if err := w.watch(s); err != nil {
		s.fail(err)
	}
}

// watch hears of all names by which the path is found: each may come to mean another
// directory, or lead elsewhere.
func (w *watcher) watch(s *stream) error {
	before := s.follow.lookup
	s.follow.lookup = nil
	err := walk(s.follow.path, func(directory, name string) error {
		inode, err := w.add(directory, nameEvents)
		if err == nil {
			s.follow.lookup = append(s.follow.lookup, step{inode, name})
			w.addStep(s, step{inode, name})
		}
		return err
	})
	for _, old := range before {
		if !slices.Contains(s.follow.lookup, old) {
			w.removeStep(s, old)
		}
	}
	return err
}

// mostLinks is how many symbolic links the kernel follows in a path
// (path_resolution(7)).
const mostLinks = 40

// walk visits each name that is looked up for a path, with its directory, as far as there
// are any. A link is read after it was visited, so no change is missed between. Who may
// not hear of a directory may pass through it, but for the last.
func walk(path string, visit func(directory, name string) error) (err error) {
	directory, names := begin(".", path)
	for links := 0; len(names) > 0; {
		name := names[0]
		names = names[1:]
		if name == "" || name == "." {
			continue
		}
		next := directory + "/" + name
		if name != ".." {
			err = visit(directory, name)
			if err != nil && !errors.Is(err, unix.EACCES) {
				break
			}
			if target, failed := os.Readlink(next); failed == nil && links < mostLinks {
				links++
				var through []string
				directory, through = begin(directory, target)
				names = slices.Concat(through, names)
				continue
			}
		}
		directory = next
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil // it may come
	}
	return err
}

// begin is where a path begins, and its names.
func begin(directory, path string) (string, []string) {
	if strings.HasPrefix(path, "/") {
		directory = "/"
	}
	return directory, strings.Split(path, "/")
}

func (w *watcher) addStep(s *stream, at step) {
	names := w.names[at.inode]
	if names == nil {
		names = map[string][]*stream{}
		w.names[at.inode] = names
	}
	if !slices.Contains(names[at.name], s) {
		names[at.name] = append(names[at.name], s)
	}
}

func (w *watcher) removeStep(s *stream, at step) {
	names := w.names[at.inode]
	if names == nil {
		return // the directory is gone
	}
	names[at.name] = slices.DeleteFunc(names[at.name], func(other *stream) bool { return other == s })
	if len(names[at.name]) == 0 {
		delete(names, at.name)
	}
	if len(names) == 0 {
		delete(w.names, at.inode)
		w.remove(at.inode)
	}
}
