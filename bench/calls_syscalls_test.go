package bench

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A syscallCounter counts the system calls of the thread that made it: perf's
// tracepoint raw_syscalls:sys_enter. While it is open, all system calls of the
// machine are slower.
type syscallCounter struct{ file *os.File }

// countSyscalls needs tracefs, and the right to trace.
func countSyscalls() (*syscallCounter, error) {
	text, err := os.ReadFile("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id")
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return nil, err
	}
	event := &unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Size: unix.PERF_ATTR_SIZE_VER0, Config: id}
	fd, err := unix.PerfEventOpen(event, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("perf_event_open", err)
	}
	return &syscallCounter{os.NewFile(uintptr(fd), "raw_syscalls:sys_enter")}, nil
}

func (c *syscallCounter) read(b *testing.B) uint64 {
	var count [8]byte
	if _, err := c.file.Read(count[:]); err != nil {
		b.Fatal(err)
	}
	return binary.NativeEndian.Uint64(count[:])
}

func (c *syscallCounter) close() { _ = c.file.Close() }
