package kithtest

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A file that is mapped to be shared is seen, and a segment of System V, whether
// they can be written or not; what is private is the runtime's affair.
func TestHoldingsSeeMappings(t *testing.T) {
	path := t.TempDir() + "/mapped"
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	if err != nil {
		t.Fatal(err)
	}
	before := Hold()
	segment, err := unix.SysvShmAttach(id, 0, unix.SHM_RDONLY)
	_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	private, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	left := strings.Join(before.more(), "\n")
	if !strings.Contains(left, "/SYSV00000000") || strings.Count(left, path) != 1 {
		t.Errorf("a segment and a file were not seen in:\n%s", left)
	}
	_, _, _ = unix.Munmap(shared), unix.Munmap(private), unix.SysvShmDetach(segment)
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}
