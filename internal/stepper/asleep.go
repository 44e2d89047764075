//go:build amd64

package stepper

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"
)

// UntilAsleep returns when a thread sleeps in the kernel, and reports whether it did
// before ctx ended. Only polling /proc can tell.
func UntilAsleep(ctx context.Context, pid, tid int) bool {
	for ctx.Err() == nil {
		if asleep, err := sleeps(pid, tid); asleep || err != nil {
			return err == nil
		}
		time.Sleep(100 * time.Microsecond)
	}
	return false
}

// sleeps looks at the field after the name in parentheses of stat (proc(5)).
func sleeps(pid, tid int) (bool, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", pid, tid))
	if err != nil {
		return false, err
	}
	i := bytes.LastIndexByte(stat, ')')
	return i > 0 && bytes.HasPrefix(stat[i:], []byte(") S")), nil
}
