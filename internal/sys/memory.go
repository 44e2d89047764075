package sys

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// AvailableMemory is how many bytes this process can still take before the
// kernel kills for memory: what the machine has, or what is left of the
// narrowest cgroup (v2) around the process. It is the largest number where
// neither says.
func AvailableMemory() int64 {
	available := int64(math.MaxInt64)
	info, _ := os.ReadFile("/proc/meminfo") // proc(5)
	if _, rest, found := bytes.Cut(info, []byte("MemAvailable:")); found {
		if fields := bytes.Fields(rest); len(fields) > 0 {
			available = 1024 * number(string(fields[0]), math.MaxInt64>>10)
		}
	}
	group, _ := os.ReadFile("/proc/self/cgroup") // cgroups(7): "0::/path"
	_, path, found := strings.Cut(string(group), "0::/")
	for dir := filepath.Join("/sys/fs/cgroup", strings.TrimSpace(path)); found && dir != "/sys/fs/cgroup" && dir != "/"; dir = filepath.Dir(dir) {
		available = min(available, left(dir))
	}
	return available
}

// left is what a cgroup may still take.
func left(dir string) int64 {
	limit := readNumber(filepath.Join(dir, "memory.max"), math.MaxInt64)
	if limit == math.MaxInt64 {
		return limit
	}
	return max(0, limit-readNumber(filepath.Join(dir, "memory.current"), 0))
}

func readNumber(path string, fallback int64) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return fallback
	}
	return number(strings.TrimSpace(string(text)), fallback) // "max" is none
}

func number(text string, fallback int64) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return fallback
	}
	return n
}
