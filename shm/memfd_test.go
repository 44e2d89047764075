package shm_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/shm"
)

const size = 64 << 10

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{
		"attack": attack, "refused": refusedChild, "admitted": admittedChild, "unprivileged": unprivilegedChild,
		"sysvlimits": sysvLimitsChild, "devshm": devShmChild, "limits": limitsChild, "nofiles": noFilesChild, "passed": passed, "reads": readsChild, "creates": createsChild,
	})
	kithtest.Main(m)
}

func memfd(t *testing.T, size int64, seals int) *os.File {
	t.Helper()
	file, err := shm.Memfd("test", size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if seals != 0 {
		if err := shm.Seal(file, seals); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func mapped(t *testing.T, file *os.File, prot int) []byte {
	t.Helper()
	memory, err := unix.Mmap(int(file.Fd()), 0, size, prot, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(memory) })
	return memory
}

func TestMemfdIsAllocatedInFull(t *testing.T) {
	for _, size := range []int64{1, 4096, size, 1 << 20} {
		info, err := memfd(t, size, 0).Stat()
		if err != nil {
			t.Fatal(err)
		}
		blocks := info.Sys().(*syscall.Stat_t).Blocks
		if info.Size() != size || blocks*512 < size {
			t.Errorf("of %d bytes, %d, %d blocks are there", size, info.Size(), blocks)
		}
	}
}

func TestMemfdIsNotExecutable(t *testing.T) {
	kithtest.NeedKernel(t, "mfd-noexec-seal")
	file := memfd(t, size, 0)
	if info, err := file.Stat(); err != nil || info.Mode().Perm()&0o111 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := file.Chmod(0o777); !errors.Is(err, unix.EPERM) {
		t.Errorf("chmod: %v, want EPERM", err)
	}
}

func TestMemfdImpossible(t *testing.T) {
	before := kithtest.Hold()
	for _, size := range []int64{0, -1} {
		if file, err := shm.Memfd("test", size); err == nil {
			t.Errorf("%d bytes: %v", size, file)
			_ = file.Close()
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func TestSealTwice(t *testing.T) {
	file := memfd(t, size, shm.WriterSeals)
	if err := shm.Seal(file, unix.F_SEAL_WRITE); !errors.Is(err, unix.EPERM) {
		t.Errorf("%v, want EPERM: the seals themselves are not sealed", err)
	}
}

func TestWriterKeepsItsMapping(t *testing.T) {
	file := memfd(t, size, 0)
	writer, reader := mapped(t, file, unix.PROT_READ|unix.PROT_WRITE), mapped(t, file, unix.PROT_READ)
	if err := shm.Seal(file, shm.WriterSeals); err != nil {
		t.Fatal(err)
	}
	writer[size-1] = 7
	if reader[size-1] != 7 {
		t.Error("what the writer stores does not arrive")
	}
	if err := shm.Verify(file, size, shm.WriterSeals); err != nil {
		t.Error(err)
	}
}

// Under the writer's seals nobody takes a page away, or writes, but through the
// mapping that was there before.
func TestSealsHold(t *testing.T) {
	file := memfd(t, size, 0)
	writer := mapped(t, file, unix.PROT_READ|unix.PROT_WRITE)
	if err := shm.Seal(file, shm.WriterSeals); err != nil {
		t.Fatal(err)
	}
	for what, err := range attacks(file, writer) {
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v, want EPERM", what, err)
		}
	}
	if err := shm.Verify(file, size, shm.WriterSeals); err != nil {
		t.Error(err)
	}
}

// attacks are all the ways to pull memory from under a reader, or to write it.
func attacks(file *os.File, writer []byte) map[string]error {
	fd := int(file.Fd())
	_, mapping := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	_, writing := unix.Pwrite(fd, []byte("x"), 0)
	errs := map[string]error{
		"punch a hole": unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096),
		"shrink":       unix.Ftruncate(fd, 4096),
		"empty":        unix.Ftruncate(fd, 0),
		"grow":         unix.Ftruncate(fd, 2*size),
		"append":       unix.Fallocate(fd, 0, size, 4096),
		"map to write": mapping,
		"write":        writing,
	}
	if writer != nil {
		errs["MADV_REMOVE"] = unix.Madvise(writer[:4096], unix.MADV_REMOVE)
	}
	return errs
}

// A process that was passed the memory is no better off.
func attack([]string) error {
	file := os.NewFile(3, "memory")
	for what, err := range attacks(file, nil) {
		if !errors.Is(err, unix.EPERM) {
			return errors.New(what + " was let through")
		}
	}
	reopened, err := os.OpenFile("/proc/self/fd/3", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if _, err := reopened.WriteAt([]byte("x"), 0); !errors.Is(err, unix.EPERM) {
		return errors.New("a write to the memory opened again was let through")
	}
	return shm.Verify(file, size, shm.WriterSeals)
}

func TestSealsHoldInAnotherProcess(t *testing.T) {
	child := kithtest.Command(t, "attack")
	child.Cmd.ExtraFiles = []*os.File{memfd(t, size, shm.WriterSeals)}
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}
