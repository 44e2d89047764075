package lock_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/lock"
)

// What fcntl(2) says of a range.
func TestRangeErrnos(t *testing.T) {
	file := newFile(t)
	for name, test := range map[string]struct {
		span lock.Range
		want error
	}{
		"negative start":  {lock.Range{Start: -1}, unix.EINVAL},
		"before the file": {lock.Range{Start: 5, Length: -6}, unix.EINVAL},
		"beyond the end":  {lock.Range{Start: math.MaxInt64, Length: 2}, unix.EOVERFLOW},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []lock.Kind{lock.OFD, lock.POSIX} {
				_, err := lock.On(file, kind).Try(lock.Exclusive, test.span)
				wants(t, err, test.want)
				_, err = lock.On(file, kind).Lock(t.Context(), lock.Exclusive, test.span)
				wants(t, err, test.want)
				_, err = lock.On(file, kind).Holder(lock.Exclusive, test.span)
				wants(t, err, test.want)
			}
		})
	}
	l := try(t, lock.On(file, lock.OFD), lock.Range{Start: math.MaxInt64, Length: 1}) // the last byte there can be
	unlock(t, l)
}

// Record locks want the file open for what the mode means; flock does not.
func TestOpenFor(t *testing.T) {
	path := newFile(t).Name()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			for how, refused := range map[int]lock.Mode{os.O_RDONLY: lock.Exclusive, os.O_WRONLY: lock.Shared} {
				target := lock.On(openFile(t, path, how), kind)
				_, err := target.Try(refused, lock.Whole)
				if kind == lock.Flock && err != nil || kind != lock.Flock && !errors.Is(err, unix.EBADF) {
					t.Errorf("opened for %d, %v: %v", how, refused, err)
				}
				unlock(t, take(t, target, lock.Shared+lock.Exclusive-refused))
			}
		})
	}
	l := take(t, lock.On(openFile(t, path, os.O_RDONLY), lock.OFD), lock.Shared)
	wants(t, l.TryConvert(lock.Exclusive), unix.EBADF)
	unlock(t, l) // as it was
}

// What open(2) says of a path.
func TestPathErrnos(t *testing.T) {
	directory := t.TempDir()
	loop, file := filepath.Join(directory, "loop"), openFile(t, filepath.Join(directory, "file"), os.O_CREATE|os.O_RDWR)
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("missing/lock", filepath.Join(directory, "nowhere")); err != nil {
		t.Fatal(err)
	}
	before := kithtest.Hold(directory)
	for path, want := range map[string]error{
		filepath.Join(directory, "missing", "lock"):                unix.ENOENT,
		filepath.Join(directory, "nowhere"):                        unix.ENOENT,
		filepath.Join(file.Name(), "lock"):                         unix.ENOTDIR,
		file.Name() + "/":                                          unix.ENOTDIR,
		loop:                                                       unix.ELOOP,
		filepath.Join(directory, strings.Repeat("x", 256)):         unix.ENAMETOOLONG,
		directory + strings.Repeat("/.", unix.PathMax/2) + "/lock": unix.ENAMETOOLONG,
		filepath.Join(directory, "nul\x00"):                        unix.EINVAL,
		filepath.Join(directory, "file", "..", "lock"):             nil,
		filepath.Join("/proc", "self", "no-file-can-be-made-here"): unix.ENOENT,
	} {
		for _, kind := range []lock.Kind{lock.Flock, lock.OFD} {
			l, err := lock.At(path, kind).Try(lock.Exclusive, lock.Whole)
			if want == nil && err == nil {
				if err := l.Remove(); err != nil {
					t.Error(err)
				}
				continue
			}
			wants(t, err, want)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// Nothing is made where nothing can be locked.
func TestRefusedMakesNoFile(t *testing.T) {
	directory := t.TempDir()
	before := kithtest.Hold(directory)
	file := lock.At(filepath.Join(directory, "lock"), lock.Flock)
	_, err := file.Try(0, lock.Whole)
	wants(t, err, unix.EINVAL)
	_, err = file.Try(lock.Shared, lock.Range{Start: 1})
	wants(t, err, unix.EINVAL)
	_, err = file.Lock(endedContext(t), lock.Shared, lock.Whole)
	wants(t, err, errCause)
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// What may be at the path.
func TestWhatIsAtThePath(t *testing.T) {
	directory := t.TempDir()
	at := func(name string) string { return filepath.Join(directory, name) }
	for _, err := range []error{
		os.Mkdir(at("directory"), 0o755),
		unix.Mkfifo(at("fifo"), 0o600),
		os.Symlink("target", at("dangling")),
		os.WriteFile(at("unwritable"), nil, 0o400),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"directory", "fifo", "dangling", "unwritable", "new"} {
		t.Run(name, func(t *testing.T) {
			file := lock.At(at(name), lock.Flock)
			l := take(t, file, lock.Exclusive)
			_, err := file.Try(lock.Shared, lock.Whole)
			wants(t, err, lock.ErrBusy)
			w := waitUntil(t, at(name), file, lock.Shared, func() { unlock(t, l) })
			convert(t, w, lock.Exclusive)
			if err := w.Remove(); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(at(name)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is there after Remove: %v", name, err)
			}
		})
	}
	if err := os.Mkdir(at("directory"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := lock.At(at("directory"), lock.OFD)
	_, err := file.Try(lock.Exclusive, lock.Whole) // a directory is open for reading
	wants(t, err, unix.EBADF)
	unlock(t, take(t, file, lock.Shared))
}

// On a file system that is read-only, flock and shared locks work.
func TestReadOnlyFileSystem(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	directory := t.TempDir()
	mount(t, "tmpfs", directory, 0, "")
	path := filepath.Join(directory, "lock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", directory, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	l := take(t, lock.At(path, lock.Flock), lock.Exclusive)
	_, err := lock.At(path, lock.Flock).Try(lock.Shared, lock.Whole)
	wants(t, err, lock.ErrBusy)
	wants(t, l.Remove(), unix.EROFS)
	wants(t, l.Unlock(), errClosed) // it ended all the same
	unlock(t, take(t, lock.At(path, lock.OFD), lock.Shared))
	_, err = lock.At(path, lock.OFD).Try(lock.Exclusive, lock.Whole)
	wants(t, err, unix.EBADF)
	_, err = lock.At(path+"2", lock.Flock).Try(lock.Shared, lock.Whole)
	wants(t, err, unix.EROFS)
}

func TestNoRoom(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	directory := t.TempDir()
	mount(t, "tmpfs", directory, 0, "nr_inodes=1")
	_, err := lock.At(filepath.Join(directory, "lock"), lock.Flock).Try(lock.Exclusive, lock.Whole)
	wants(t, err, unix.ENOSPC)
}

func TestNoDescriptors(t *testing.T) {
	file := lock.At(newFile(t).Name(), lock.Flock)
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	none := before
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err := file.Try(lock.Exclusive, lock.Whole)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	wants(t, err, unix.EMFILE)
}
