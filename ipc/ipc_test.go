package ipc_test

import (
	"errors"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
)

func TestMain(m *testing.M) { kithtest.Main(m) }

func TestFtokIsGlibcs(t *testing.T) {
	for _, path := range []string{"/", "/dev", "/dev/null", t.TempDir()} {
		for _, project := range []int{1, 'A', 200, 255, 257, -1} {
			glibc := kithtest.C(t, "testdata/ftok.c", path, strconv.Itoa(project)).Start()
			want, err := glibc.Hear()
			if err != nil {
				t.Fatal(err)
			}
			key, err := ipc.Ftok(path, project)
			if err != nil || key.String() != want {
				t.Errorf("ftok(%s, %d) is %v, %v, glibc says %s", path, project, key, err, want)
			}
		}
	}
}

func TestFtokRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct {
		path    string
		project int
		want    error
	}{{missing, 1, unix.ENOENT}, {"/dev/null/x", 1, unix.ENOTDIR}, {"/", 0, unix.EINVAL}, {"/", 256, unix.EINVAL}} {
		if key, err := ipc.Ftok(c.path, c.project); !errors.Is(err, c.want) {
			t.Errorf("ftok(%s, %d): %v, %v, want %v", c.path, c.project, key, err, c.want)
		}
	}
}

func TestLimitErrorSaysWhatToDo(t *testing.T) {
	err := error(&ipc.LimitError{Limit: "SEMOPM", Max: 500, Raise: "/proc/sys/kernel/sem, 3rd number", Err: unix.E2BIG})
	if want := "argument list too long: over the limit SEMOPM of 500 (/proc/sys/kernel/sem, 3rd number)"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if !errors.Is(err, unix.E2BIG) {
		t.Error("the errno is lost")
	}
}
