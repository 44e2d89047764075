package kithtest

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// User is a user whom no other process is: what the kernel counts by user is ours alone.
func User() uint32 { return 1<<20 + uint32(os.Getpid()) }

// Lower lowers a setting of the machine until the test ends; 0 is none at all. One test
// of the machine does so at a time. Whoever does not run as User is to be far below, and
// stays so where we are killed, and the setting is left behind.
func Lower(t testing.TB, path string, most int) {
	t.Helper()
	NeedKernel(t, "kernel-settings")
	setting, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = setting.Close() })
	if err := unix.Flock(int(setting.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || before > 0 && before <= most {
		return // it is no larger, or no number that anybody reaches
	}
	t.Cleanup(func() {
		if err := os.WriteFile(path, text, 0); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(path, []byte(strconv.Itoa(most)), 0); err != nil {
		t.Fatal(err)
	}
}
