package kithtest

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// Queued returns when the kernel lists so many waiters for locks on the file
// that had this name when it was described by os.Stat: proc_locks(5).
func Queued(file os.FileInfo, waiters int) error {
	return QueuedLeft(file, func() int { return waiters })
}

// QueuedLeft is Queued where the number may change meanwhile.
func QueuedLeft(file os.FileInfo, waiters func() int) error {
	listed := 0
	const pause = 200 * time.Microsecond
	for range settleTime / pause { // so many looks, however long they take
		time.Sleep(pause)
		text, err := os.ReadFile("/proc/locks")
		if err != nil {
			return err
		}
		if listed = countWaiters(string(text), file); listed == waiters() {
			return nil
		}
	}
	return fmt.Errorf("%d wait for locks on %s, want %d", listed, file.Name(), waiters())
}

// countWaiters counts lines of this form, one level deeper for each who is next:
//
//	1: -> FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF
func countWaiters(list string, file os.FileInfo) (waiters int) {
	inode := fmt.Sprintf(":%d ", file.Sys().(*syscall.Stat_t).Ino)
	for line := range strings.Lines(list) {
		if strings.Contains(line, "-> ") && strings.Contains(line, inode) {
			waiters++
		}
	}
	return waiters
}
