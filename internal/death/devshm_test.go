package death_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

// The rings are memfds, which no mounted file system limits: with a full /dev/shm, or none
// that can be written, shm: works as ever.
func TestFullDevShm(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	directory := place(t)
	h, err := beHost(at(directory, "x"))
	if err != nil {
		t.Fatal(err)
	}
	child := kithtest.Command(t, "full /dev/shm", at(directory, "x"), at(directory, "y"))
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
	if err := h.close(); err != nil {
		t.Error(err)
	}
}

// runFull is a child with mounts of its own, which fills /dev/shm, dials and listens.
func runFull(args []string) error {
	err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64k"),
		os.WriteFile(filepath.Join("/dev/shm", "fill"), make([]byte, 64<<10), 0o600),
	)
	if err != nil {
		return err
	}
	if err := os.WriteFile("/dev/shm/more", []byte{1}, 0o600); !errors.Is(err, unix.ENOSPC) {
		return errors.Join(errors.New("it is not full"), err)
	}
	return errors.Join(call(args[0]), takeOver(args[1]))
}
