package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// Cgroup watches a control group (cgroups(7)) by its directory.
//
// Of version 1, it is one in the hierarchy of the memory controller, and OutOfMemory and
// Removed come. Watching takes the right to write to its cgroup.event_control.
//
// Of version 2, Populated, Emptied and Removed come, and OutOfMemory where it has the memory
// controller when Cgroup is called. The kernel tells of states: a group that is emptied and
// populated again between two looks was neither. OutOfMemory of which nobody has heard
// is lost with the group: who removes it should wait for Emptied, which comes after. The
// removal is seen in the directory above, which has to be readable, by inotify(7): not of
// what a container has as the root of its cgroups.
//
// Errors: ErrNotCgroup; ErrGarbled; EACCES, ELOOP, ENAMETOOLONG, ENODEV (just removed), ENOENT,
// ENOTDIR, ENOMEM, EPERM; RLIMIT_NOFILE (EMFILE), file-max (ENFILE), max_user_watches of
// epoll and of inotify (ENOSPC) and max_user_instances of inotify (EMFILE) as limits;
// os.ErrClosed.
func (w *Watcher) Cgroup(directory string) (*Watch, error) {
	folder, err := openFolder(directory)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	t := &Watch{kind: "cgroup", path: directory}
	open := (&group2{watch: t, folder: folder}).open
	switch kind, err := folder.fileSystem(); {
	case err != nil:
		return nil, failed("statfs", directory, err)
	case kind == unix.CGROUP_SUPER_MAGIC:
		open = (&group1{watch: t, folder: folder}).open
	case kind != unix.CGROUP2_SUPER_MAGIC:
		return nil, failed("cgroup", directory, ErrNotCgroup)
	}
	t, err = w.begin(t, open)
	return t, named(directory, err)
}

// A folder is an open directory: what is opened in it is of this group, and of none that
// got its name since.
type folder struct {
	*os.File
	path string
}

func openFolder(path string) (*folder, error) {
	file, err := openAt(unix.AT_FDCWD, path, path, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return &folder{file, path}, nil
}

// open opens a file of the group.
func (f *folder) open(name string, how int) (file *os.File, err error) {
	err = sys.Control(f, func(fd int) (err error) {
		file, err = openAt(fd, name, f.path+"/"+name, how)
		return err
	})
	return file, err
}

// openAt gives the file a path that whoever reads an error can use.
func openAt(folder int, name, path string, how int) (*os.File, error) {
	fd := -1
	err := sys.Again(func() (err error) {
		fd, err = unix.Openat(folder, name, how|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, failed("open", path, sys.OpenLimit(err))
	}
	return os.NewFile(uintptr(fd), path), nil
}

func (f *folder) fileSystem() (kind uint32, err error) {
	var stat unix.Statfs_t
	err = sys.Control(f, func(fd int) error {
		return sys.Again(func() error { return unix.Fstatfs(fd, &stat) })
	})
	return uint32(stat.Type), err
}

func failed(op, path string, err error) error { return &os.PathError{Op: op, Path: path, Err: err} }

// A counters is what a file of the group says, a name and a number in each line.
type counters struct {
	path string
	text []byte
}

// count reads the file of a group from its start.
func count(file *os.File) (counters, error) {
	text := make([]byte, 4096)
	n, err := file.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return counters{}, err
	}
	return counters{file.Name(), text[:n]}, nil
}

func (c counters) of(name string) (uint64, error) {
	for line := range bytes.Lines(c.text) {
		if key, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" ")); string(key) == name {
			if n, err := strconv.ParseUint(string(value), 10, 64); err == nil {
				return n, nil
			}
		}
	}
	return 0, failed("read", c.path, fmt.Errorf("%s: %w", name, ErrGarbled))
}

// removed is what reading the file of a removed group fails with.
func removed(err error) bool { return errors.Is(err, unix.ENODEV) }
