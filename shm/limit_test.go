package shm_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/shm"
)

// reached wants an error that is the limit, with its value and its errno.
func reached(err error, name string, most int64, errno error) error {
	var limit *ipc.LimitError
	if !errors.As(err, &limit) || limit.Limit != name || limit.Max != most || limit.Raise == "" || !errors.Is(err, errno) {
		return fmt.Errorf("%w, want the limit %s of %d, and %w", err, name, most, errno)
	}
	return nil
}

// alone runs a Func in namespaces of its own, where it changes the machine's
// settings and mounts for itself alone.
func alone(t *testing.T, name string, namespaces uintptr, args ...string) {
	t.Helper()
	kithtest.NeedKernel(t, "mount")
	child := kithtest.Command(t, name, args...)
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func set(name string, value int) error {
	return os.WriteFile("/proc/sys/kernel/"+name, fmt.Append(nil, value), 0)
}

// The limits of System V, each in a namespace where nobody else has segments.
func TestSysVLimits(t *testing.T) { alone(t, "sysvlimits", unix.CLONE_NEWIPC) }

func sysvLimitsChild([]string) error {
	_, none := shm.CreateSysV(ipc.Private, 0, 0o600)
	if err := errors.Join(reached(none, "SHMMIN", 1, unix.EINVAL), set("shmmax", 10000)); err != nil {
		return err
	}
	first, err := shm.CreateSysV(1, 10000, 0o600)
	_, large := shm.CreateSysV(2, 10001, 0o600)
	_, _, either := shm.OpenOrCreateSysV(2, 10001, 0o600)
	if err := errors.Join(err, reached(large, "SHMMAX", 10000, unix.EINVAL), reached(either, "SHMMAX", 10000, unix.EINVAL)); err != nil {
		return err
	}
	if err := set("shmall", 4); err != nil { // three are taken
		return err
	}
	_, pages := shm.CreateSysV(2, 5000, 0o600)
	second, err := shm.CreateSysV(3, 1, 0o600)
	if err := errors.Join(err, reached(pages, "SHMALL", 4, unix.ENOSPC), set("shmmni", 2), set("shmall", 1000)); err != nil {
		return err
	}
	_, many := shm.CreateSysV(4, 1, 0o600)
	return errors.Join(reached(many, "SHMMNI", 2, unix.ENOSPC), first.Remove(), second.Remove())
}

// A full file system in memory is an error, which names it, and leaves nothing.
func TestFullFileSystem(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	o := fileIn(mounted(t, "tmpfs", "size=64k"))
	directory := filepath.Dir(o.name)
	before := kithtest.Hold(directory)
	if err := full(o, directory); err != nil {
		t.Error(err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func full(o object, directory string) error {
	const most = 64 << 10
	_, first := o.create(most+1, 0o600)
	s, err := o.create(most, 0o600)
	if err != nil {
		return err
	}
	_, err = s.WriteAt(make([]byte, most), 0)
	grown, _, second := shm.OpenOrCreateFile(filepath.Join(directory, "other"), 1, 0o600)
	if grown != nil {
		return errors.New("more was made than there is room for")
	}
	return errors.Join(err, reached(first, "size of "+directory, most, unix.ENOSPC),
		reached(second, "size of "+directory, most, unix.ENOSPC), s.Remove(), s.Close())
}

func mounted(t *testing.T, kind, options string) string {
	t.Helper()
	directory := t.TempDir()
	if err := unix.Mount(kind, directory, kind, 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(directory, unix.MNT_DETACH) })
	return directory
}

// The same in /dev/shm, where a peer's holes are met as well: a copy into them
// is an error.
func TestFullDevShm(t *testing.T) {
	alone(t, "devshm", unix.CLONE_NEWNS, posix(t).name)
}

func devShmChild(args []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64k"); err != nil {
		return err
	}
	_, large := shm.CreatePOSIX(args[0], 1<<17, 0o600)
	if err := reached(large, "size of /dev/shm", 64<<10, unix.ENOSPC); err != nil {
		return err
	}
	file, err := os.Create("/dev/shm" + args[0])
	if err == nil {
		err = file.Truncate(1 << 17) // as shm_open and ftruncate leave it
	}
	if err != nil {
		return err
	}
	_, _, either := shm.OpenOrCreatePOSIX(args[0], 1<<17, 0o600)
	s, err := shm.OpenPOSIX(args[0], shm.ReadWrite)
	if err := errors.Join(err, reached(either, "size of /dev/shm", 64<<10, unix.ENOSPC)); err != nil {
		return err
	}
	_, writing := s.WriteAt(make([]byte, 1<<17), 0)
	_, reading := s.ReadAt(make([]byte, 1<<17), 0)
	for _, err := range []error{writing, reading} {
		if !errors.Is(err, shm.ErrTruncated) {
			return fmt.Errorf("holes that cannot be filled: %w", err)
		}
	}
	return nil
}

// Where the file system cannot allocate, zeros are written.
func TestNoFallocate(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	o := fileIn(mounted(t, "ramfs", ""))
	s := segment(t)(o.create(200_000, 0o600))
	if stat, err := s.Stat(); err != nil || stat.Size != 200_000 || stat.Allocated < 200_000 {
		t.Errorf("%+v, %v", stat, err)
	}
	write(t, s, 199_999, "x")
	part := segment(t)(shm.Map(s.File(), 199_999, 70_000, shm.ReadWrite))
	if got := read(t, part, 0, 3); got != "x\x00\x00" {
		t.Errorf("%q", got)
	}
}

// The limits of a process, in one of its own.
func TestProcessLimits(t *testing.T) {
	child := asNobody(t, "limits", fileIn(public(t)).name)
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func limitsChild(args []string) error {
	id, err := lockedChild()
	if err == nil {
		err = fileSizeChild(args[0])
	}
	if err == nil {
		err = addressSpaceChild(args[0], id)
	}
	return errors.Join(err, id.Remove())
}

func lockedChild() (shm.ID, error) {
	s, err := shm.CreateSysV(ipc.Private, 1<<20, 0o600)
	if err != nil {
		return -1, err
	}
	defer s.Close()
	if err := limited(unix.RLIMIT_MEMLOCK, 64<<10); err != nil {
		return s.ID(), err
	}
	some := s.ID().Lock()
	if err := limited(unix.RLIMIT_MEMLOCK, 0); err != nil {
		return s.ID(), err
	}
	nothing := s.ID().Lock()
	_, huge := shm.CreateHugeSysV(ipc.Private, 1, 0o600, 0)
	if !errors.Is(huge, unix.EPERM) {
		return s.ID(), fmt.Errorf("huge pages for a user: %w", huge)
	}
	return s.ID(), errors.Join(reached(some, "RLIMIT_MEMLOCK", 64<<10, unix.ENOMEM), reached(nothing, "RLIMIT_MEMLOCK", 0, unix.EPERM))
}

func fileSizeChild(path string) error {
	if err := limited(unix.RLIMIT_FSIZE, 100_000); err != nil {
		return err
	}
	fits, err := shm.CreatePOSIX(filepath.Base(path), 100_000, 0o600)
	if err != nil {
		return err
	}
	defer fits.Close()
	_, either := shm.Map(fits.File(), 0, 100_001, shm.ReadWrite)
	_, memfd := shm.CreateMemfd("x", 100_001)
	_, posix := shm.CreatePOSIX(filepath.Base(path)+"-", 100_001, 0o600)
	_, file := shm.CreateFile(path, 100_001, 0o600)
	all := []error{fits.Remove()}
	for _, err := range []error{either, memfd, posix, file} {
		all = append(all, reached(err, "RLIMIT_FSIZE", 100_000, unix.EFBIG))
	}
	if _, err := os.Stat(path); err == nil {
		all = append(all, errors.New("a file was left"))
	}
	return errors.Join(all...)
}

func addressSpaceChild(path string, id shm.ID) error {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	pages := int64(0)
	if _, err := fmt.Sscan(strings.Fields(string(statm))[0], &pages); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err == nil {
		err = errors.Join(limited(unix.RLIMIT_FSIZE, unix.RLIM_INFINITY&^(1<<63)), file.Truncate(1<<32))
	}
	most := uint64(pages)*uint64(os.Getpagesize()) + 512<<10
	if err := errors.Join(err, limited(unix.RLIMIT_AS, most)); err != nil {
		return err
	}
	_, attach := id.Attach(shm.ReadOnly)
	_, mapping := shm.OpenFile(path, shm.ReadOnly)
	return errors.Join(reached(attach, "RLIMIT_AS", int64(most), unix.ENOMEM),
		reached(mapping, "RLIMIT_AS", int64(most), unix.ENOMEM), os.Remove(path))
}

// limited leaves the hard limit, so that the soft one can be raised again.
func limited(which int, soft uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(which, &limit); err != nil {
		return err
	}
	limit.Cur = min(soft, limit.Max)
	return unix.Setrlimit(which, &limit)
}

// No descriptor is left: EMFILE, whatever the kind; and none is held by the attempt.
func TestNoDescriptors(t *testing.T) {
	child := kithtest.Command(t, "nofiles", posix(t).name)
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func noFilesChild(args []string) error {
	there, err := shm.CreatePOSIX(args[0], size, 0o600)
	if err != nil {
		return err
	}
	if err := limited(unix.RLIMIT_NOFILE, 3); err != nil {
		return err
	}
	_, create := shm.CreatePOSIX(args[0]+"-", size, 0o600)
	_, memfd := shm.CreateMemfd("x", size)
	_, open := shm.OpenPOSIX(args[0], shm.ReadOnly)
	_, part := shm.Map(there.File(), 0, 1, shm.ReadOnly)
	for _, err := range []error{create, memfd, open, part} {
		if !errors.Is(err, unix.EMFILE) {
			return fmt.Errorf("without descriptors: %w", err)
		}
	}
	return there.Remove()
}

// Huge pages that the machine does not have are an error, and those that it has
// are used.
func TestHugePages(t *testing.T) {
	const setting = "/proc/sys/vm/nr_hugepages"
	kithtest.NeedKernel(t, "root")
	before, err := os.ReadFile(setting)
	if err != nil {
		t.Logf("a kernel without huge pages: %v", err)
		return
	}
	restore := func() { _ = os.WriteFile(setting, before, 0) }
	t.Cleanup(restore)
	if err := os.WriteFile(setting, []byte("0"), 0); err != nil {
		t.Logf("not to be set here: %v", err)
		return
	}
	_, none := shm.CreateHugeSysV(ipc.Private, 2<<20, 0o600, 2<<20)
	if err := reached(none, "nr_hugepages", 0, unix.ENOMEM); err != nil {
		t.Error(err)
	}
	directory := mounted(t, "hugetlbfs", "pagesize=2M")
	_, file := shm.CreateFile(filepath.Join(directory, "x"), 2<<20, 0o600)
	if err := reached(file, "nr_hugepages", 0, unix.ENOSPC); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(setting, []byte("2"), 0); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(setting); strings.TrimSpace(string(text)) != "2" {
		t.Logf("the machine has no memory in a row for huge pages")
		return
	}
	huge(t, directory)
}

func huge(t *testing.T, directory string) {
	held := kithtest.Hold()
	s := segment(t)(shm.CreateHugeSysV(ipc.Private, 5000, 0o600, 2<<20))
	write(t, s, 4999, "x")
	if err := errors.Join(s.Remove(), s.Close()); err != nil {
		t.Error(err)
	}
	f := segment(t)(shm.CreateFile(filepath.Join(directory, "y"), 2<<20, 0o600))
	write(t, f, 5000, "huge")
	part := segment(t)(shm.Map(f.File(), 5000, 100, shm.ReadOnly))
	if got := read(t, part, 0, 4); got != "huge" {
		t.Errorf("%q", got)
	}
	if err := errors.Join(part.Close(), f.Remove(), f.Close()); err != nil {
		t.Error(err)
	}
	if err := held.Left(); err != nil {
		t.Error(err)
	}
}
