package object

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// isRead reports whether a process that we may look at has the FIFO open for
// reading. Root sees all.
func isRead(path string) (bool, error) {
	there, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	descriptors, err := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, descriptor := range descriptors {
		target, err := os.Readlink(descriptor)
		if err != nil || filepath.Base(target) != filepath.Base(path) { // sooner than asking a file system
			continue
		}
		info, err := os.Stat(descriptor)
		if err == nil && os.SameFile(info, there) && forReading(descriptor) {
			return true, nil
		}
	}
	return false, err
}

// forReading looks at the flags, which proc_pid_fdinfo(5) has in octal.
func forReading(descriptor string) bool {
	process, number := filepath.Dir(filepath.Dir(descriptor)), filepath.Base(descriptor)
	text, err := os.ReadFile(filepath.Join(process, "fdinfo", number))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), "flags:")
	word, _, _ := strings.Cut(rest, "\n")
	flags, err := strconv.ParseUint(strings.TrimSpace(word), 8, 32)
	return err == nil && flags&unix.O_PATH == 0 && flags&unix.O_ACCMODE != unix.O_WRONLY
}
