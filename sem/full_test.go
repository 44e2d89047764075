package sem_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sem"
)

func init() { kithtest.Register(map[string]kithtest.Func{"full": full}) }

// Where there is no room, nothing is made, and what has no memory is not touched.
func TestFull(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	child := kithtest.Command(t, "full")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

// full has a /dev/shm of its own, with room for one semaphore, and then no
// descriptor to spare.
func full([]string) error {
	err := errors.Join(
		unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("none", "/dev/shm", "tmpfs", 0, "size=4k"))
	if err != nil {
		return err
	}
	if _, err := sem.Create("one", 1, 0o600); err != nil {
		return err
	}
	_, more := sem.Create("more", 1, 0o600)
	hollow := errors.Join(os.WriteFile("/dev/shm/sem.hollow", nil, 0o600), os.Truncate("/dev/shm/sem.hollow", sem.Size))
	_, gone := sem.Open("hollow")
	if !errors.Is(gone, sem.ErrGone) {
		hollow = errors.Join(hollow, errors.New("a hollow file was opened"), gone)
	}
	limit := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{})
	_, open := sem.Open("one")
	_, create := sem.Create("more", 1, 0o600)
	return errors.Join(hollow, limit,
		is("Create in full memory", more, unix.ENOSPC),
		is("Open without a descriptor", open, unix.EMFILE),
		is("Create without a descriptor", create, unix.EMFILE))
}
