package proc_test

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
	"kith/poll"
	"kith/proc"
)

// A versioned is what a test does with a group of each version that the machine has.
func versioned(t *testing.T, test func(t *testing.T, group string, files ...string)) {
	t.Run("version 1", func(t *testing.T) { test(t, kithtest.MemoryGroup(t), "memory.oom_control", "cgroup.event_control") })
	t.Run("version 2", func(t *testing.T) { test(t, kithtest.UnifiedGroup(t), "cgroup.events") })
}

// Who may read a group, and of version 1 write to one of its files, can watch it; who may not is
// told so.
func TestCgroupOfAnotherUser(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	versioned(t, func(t *testing.T, group string, files ...string) {
		child := kithtest.Command(t, "guest", group)
		child.Cmd.SysProcAttr = nobody
		child.Start()
		hear(t, child, "permission denied") // MkdirTemp has made it for root alone
		chmod(t, group, 0o755)
		chmod(t, filepath.Join(group, files[0]), 0)
		_ = child.Say("again")
		hear(t, child, "permission denied")
		for _, file := range files {
			chmod(t, filepath.Join(group, file), 0o666)
		}
		_ = child.Say("again")
		hear(t, child, "watching")
		rmdir(t, group)
		hear(t, child, "cgroup "+group+": removed")
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// guest tries, says why it may not, and tries again when it is told to.
func guest(args []string) error {
	before := kithtest.Hold()
	err := tell(func(w *proc.Watcher) (*proc.Watch, error) {
		for {
			watch, err := w.Cgroup(args[0])
			if !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), args[0]) {
				return watch, err
			}
			kithtest.Say("permission denied")
			kithtest.Hear()
		}
	})
	return errors.Join(err, before.Left())
}

// Files that are not the kernel's are mounted over those that are.
func TestCgroupGarbled(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	versioned(t, func(t *testing.T, group string, files ...string) {
		child := kithtest.Command(t, "garbled", group, files[0], t.TempDir())
		child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if err := child.Start().Wait(); err != nil {
			t.Error(err)
		}
	})
}

func garbled(args []string) error {
	group, file, forged := args[0], args[1], filepath.Join(args[2], "forged")
	before := kithtest.Hold()
	w, err := proc.New()
	if err != nil {
		return err
	}
	defer w.Close()
	if err := os.WriteFile(forged, nil, 0o600); err != nil {
		return err
	}
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount(forged, filepath.Join(group, file), "", unix.MS_BIND, ""); err != nil {
		return err
	}
	for text, want := range map[string]error{
		"": proc.ErrGarbled, "populated": proc.ErrGarbled, "populated -1\n": proc.ErrGarbled, "populated 1x\n": proc.ErrGarbled,
		"\x00\xff\n\n \n": proc.ErrGarbled, strings.Repeat("populated 0 ", 1000): proc.ErrGarbled,
		"populated 0\nfrozen 0\n": poll.ErrNotPollable,
	} {
		if file != "cgroup.events" {
			want = unix.EINVAL // of the kernel, which is asked to count what is not its own
		}
		if err := os.WriteFile(forged, []byte(text), 0); err != nil {
			return err
		}
		_, err := w.Cgroup(group)
		if _, is := errors.AsType[*os.PathError](err); !is || !errors.Is(err, want) {
			return fmt.Errorf("%q: %w, want %w", text, err, want)
		}
	}
	return errors.Join(w.Close(), before.Left())
}
