package shm_test

import (
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/shm"
)

// A peer can allocate its blocks beyond the end, so that their number is right and
// every page of the memory a hole, which a reader would have to fill: with the
// kernel's SIGBUS, where no memory is left.
func TestVerifyAllocatesWhereWeRead(t *testing.T) {
	file := raw(t, size, 0, unix.MFD_ALLOW_SEALING)
	if err := unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_KEEP_SIZE, size, size); err != nil {
		t.Fatal(err)
	}
	if err := shm.Seal(file, shm.WriterSeals); err != nil {
		t.Fatal(err)
	}
	if got := allocated(t, file); got != size {
		t.Fatalf("the hostile file has %d bytes allocated, want %d beyond its end", got, size)
	}
	if err := shm.Verify(file, size, shm.WriterSeals); err != nil {
		t.Fatal(err)
	}
	if got := allocated(t, file); got != 2*size {
		t.Errorf("%d bytes are allocated after Verify, want %d within the file and %d beyond", got, size, size)
	}
	if info, err := file.Stat(); err != nil || info.Size() != size {
		t.Errorf("its size is %d, %v, want %d", info.Size(), err, size)
	}
	for i, b := range mapped(t, file, unix.PROT_READ) {
		if b != 0 {
			t.Fatalf("byte %d of what nobody wrote is %#x", i, b)
		}
	}
}

// allocated is how many bytes the kernel has behind a file.
func allocated(t *testing.T, file *os.File) int64 {
	t.Helper()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}
