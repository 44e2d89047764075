package sys_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/shm"
)

// whole maps a memfd of the size for reading and writing.
func whole(t testing.TB, size int) (*os.File, []byte) {
	t.Helper()
	file, err := shm.Memfd("kith-sys-fault", int64(size))
	if err != nil {
		t.Fatal(err)
	}
	mapping, _, err := sys.MapFile(int(file.Fd()), 0, size, os.Getpagesize(), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sys.Unmap(mapping)
		_ = file.Close()
	})
	return file, mapping
}

func TestCopyFaults(t *testing.T) {
	page := os.Getpagesize()
	for _, size := range []int{1, 7, 64, 200, page, 3*page - 100} {
		file, mapping := whole(t, 4*page)
		part, local := mapping[page-1:page-1+size], bytes.Repeat([]byte{7}, size)
		if err := sys.Copy(part, local, mapping); err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(0); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{"read": sys.Copy(local, part, mapping), "write": sys.Copy(part, local, mapping)} {
			var fault *sys.Fault
			if !errors.As(err, &fault) {
				t.Fatalf("%s of %d bytes: %v, want a fault", what, size, err)
			}
			if fault.Offset < page-1 || fault.Offset >= page-1+size {
				t.Errorf("%s of %d bytes: the fault is at %d", what, size, fault.Offset)
			}
		}
	}
}

// The flag of the goroutine is as it was, whatever it was, and whether it
// faulted or not.
func TestCopyRestores(t *testing.T) {
	file, mapping := whole(t, os.Getpagesize())
	local := make([]byte, 8)
	for _, flag := range []bool{false, true} {
		for range 2 {
			was := debug.SetPanicOnFault(flag)
			_ = sys.Copy(local, mapping, mapping[:8])
			if got := debug.SetPanicOnFault(was); got != flag {
				t.Errorf("the flag was %v, and is %v", flag, got)
			}
			_ = file.Truncate(0)
		}
	}
}

// A fault elsewhere is a panic still: here in memory that the mapping given
// does not hold.
func TestCopyPanicsForOthers(t *testing.T) {
	file, mapping := whole(t, os.Getpagesize())
	_, other := whole(t, os.Getpagesize())
	_ = file.Truncate(0)
	defer func() {
		if recover() == nil {
			t.Error("a fault in other memory was taken for one in the mapping")
		}
	}()
	err := sys.Copy(other, mapping, other)
	t.Errorf("copied, with %v", err)
}

func TestMapFileStart(t *testing.T) {
	file, mapping := whole(t, 4*os.Getpagesize())
	for i := range mapping {
		mapping[i] = byte(i % 251)
	}
	before := kithtest.Hold()
	for _, offset := range []int{0, 1, os.Getpagesize() - 1, os.Getpagesize(), 2*os.Getpagesize() + 5} {
		pages, start, err := sys.MapFile(int(file.Fd()), int64(offset), 5000, os.Getpagesize(), false)
		if err != nil {
			t.Fatal(err)
		}
		if len(pages)%os.Getpagesize() != 0 || !bytes.Equal(pages[start:][:5000], mapping[offset:][:5000]) {
			t.Errorf("from %d of %d bytes, the mapping is not the file at %d", start, len(pages), offset)
		}
		if err := sys.Unmap(pages); err != nil {
			t.Error(err)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

func BenchmarkCopy(b *testing.B) {
	for _, size := range []int{64, 4096, 256 << 10, 1 << 20} {
		_, mapping := whole(b, size)
		local := make([]byte, size)
		b.Run(fmt.Sprintf("guarded/%d", size), func(b *testing.B) {
			for b.Loop() {
				if sys.Copy(local, mapping, mapping) != nil {
					b.Fatal("fault")
				}
			}
		})
		b.Run(fmt.Sprintf("plain/%d", size), func(b *testing.B) {
			for b.Loop() {
				copy(local, mapping)
			}
		})
	}
}
