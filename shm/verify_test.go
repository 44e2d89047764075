package shm_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/shm"
)

func TestVerifyTakesWhatMemfdMakes(t *testing.T) {
	for _, seals := range []int{shm.WriterSeals, shm.WriterSeals | unix.F_SEAL_WRITE} {
		if err := shm.Verify(memfd(t, size, seals), size, shm.WriterSeals); err != nil {
			t.Errorf("seals %#x: %v", seals, err)
		}
	}
}

func refused(t *testing.T, what string, file *os.File, size int64) {
	t.Helper()
	if err := shm.Verify(file, size, shm.WriterSeals); !errors.Is(err, shm.ErrUnsealed) {
		t.Errorf("%s: %v, want ErrUnsealed", what, err)
	}
}

func TestVerifyRefusesMissingSeals(t *testing.T) {
	refused(t, "no seal", memfd(t, size, 0), size)
	for name, seal := range map[string]int{
		"SEAL": unix.F_SEAL_SEAL, "SHRINK": unix.F_SEAL_SHRINK,
		"GROW": unix.F_SEAL_GROW, "FUTURE_WRITE": unix.F_SEAL_FUTURE_WRITE,
	} {
		refused(t, "without "+name, memfd(t, size, shm.WriterSeals&^seal), size)
		refused(t, name+" alone", memfd(t, size, seal), size)
	}
}

func TestVerifyRefusesOtherSizes(t *testing.T) {
	for _, other := range []int64{1, size - 1, size - 4096, size + 1, size + 4096, 2 * size} {
		refused(t, "another size", memfd(t, other, shm.WriterSeals), size)
	}
	refused(t, "nothing", raw(t, 0, shm.WriterSeals, unix.MFD_ALLOW_SEALING), size)
}

// raw makes a memfd as a hostile peer may: with a size, and nothing behind it.
func raw(t *testing.T, size int64, seals, flags int) *os.File {
	t.Helper()
	fd, err := unix.MemfdCreate("hostile", flags|unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "hostile")
	t.Cleanup(func() { _ = file.Close() })
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if seals != 0 {
		if err := shm.Seal(file, seals); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestVerifyRefusesHoles(t *testing.T) {
	refused(t, "nothing allocated", raw(t, size, shm.WriterSeals, unix.MFD_ALLOW_SEALING), size)
	holed := memfd(t, size, 0)
	if err := unix.Fallocate(int(holed.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 4096, 4096); err != nil {
		t.Fatal(err)
	}
	if err := shm.Seal(holed, shm.WriterSeals); err != nil {
		t.Fatal(err)
	}
	refused(t, "one page missing", holed, size)
}

// Without SHRINK it does not help to look whole at the moment of the check.
func TestVerifyRefusesWhatCanStillChange(t *testing.T) {
	file := memfd(t, size, shm.WriterSeals&^unix.F_SEAL_SHRINK&^unix.F_SEAL_SEAL)
	refused(t, "can shrink", file, size)
	if err := file.Truncate(4096); err != nil {
		t.Errorf("this memory was to shrink: %v", err)
	}
	refused(t, "shrunk", file, size)
}

// Huge pages that the machine does not have fault at the first touch. A kernel
// which knows none cannot be asked to make any: then there is nothing to refuse.
func TestVerifyRefusesHugePages(t *testing.T) {
	const flags = unix.MFD_ALLOW_SEALING | unix.MFD_HUGETLB | unix.MFD_HUGE_2MB
	fd, err := unix.MemfdCreate("hostile", unix.MFD_CLOEXEC|flags)
	if err != nil {
		t.Logf("no huge pages here: %v", err)
		return
	}
	_ = unix.Close(fd)
	refused(t, "huge pages", raw(t, 2<<20, shm.WriterSeals, flags), 2<<20)
}

func TestVerifyRefusesWhatIsNoMemfd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	directory, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	device, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*os.File{"a pipe": r, "a directory": directory, "a device": device}
	for _, parent := range []string{t.TempDir(), "/dev/shm"} {
		files["a file in "+parent] = regular(t, parent)
	}
	for what, file := range files {
		refused(t, what, file, size)
		_ = file.Close()
	}
	_ = w.Close()
	refused(t, "a closed file", r, size)
}

// regular is a file with everything written, as far as a file can be trusted.
func regular(t *testing.T, parent string) *os.File {
	t.Helper()
	directory, err := os.MkdirTemp(parent, "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	path := filepath.Join(directory, "x")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
