package sys_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

func TestSetting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "setting")
	if err := os.WriteFile(path, []byte("250\t32000 max -1 18446744073692774399\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for field, want := range []int64{250, 32000, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64} {
		if got := sys.Setting(path, field); got != want {
			t.Errorf("field %d is %d, want %d", field, got, want)
		}
	}
	if got := sys.Setting(path+"no", 0); got != math.MaxInt64 {
		t.Errorf("of no file: %d", got)
	}
}

func TestSentinel(t *testing.T) {
	sentinel := sys.Sentinel("nothing there", unix.EAGAIN, unix.ENOMSG)
	err := fmt.Errorf("receive: %w", sentinel)
	if !errors.Is(err, sentinel) || !errors.Is(err, unix.EAGAIN) || !errors.Is(err, unix.ENOMSG) {
		t.Error(err)
	}
	if errors.Is(err, unix.EINTR) || errors.Is(unix.EAGAIN, sentinel) || errors.Is(err, sys.Sentinel("nothing there", unix.EAGAIN)) {
		t.Error("matches what it is not")
	}
}
