package sys

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// AvailableMemory is how many bytes this process can still take before the
// kernel kills for memory: what the machine has, or what is left of the
// narrowest cgroup around the process. It is the largest number where
// neither says.
func AvailableMemory() int64 {
	available := int64(math.MaxInt64)
	info, _ := os.ReadFile("/proc/meminfo") // proc(5)
	if _, rest, found := bytes.Cut(info, []byte("MemAvailable:")); found {
		if fields := bytes.Fields(rest); len(fields) > 0 {
			available = 1024 * number(string(fields[0]), math.MaxInt64>>10)
		}
	}
	for group := range cgroups("memory") {
		available = min(available, left(group, "memory.max", "memory.current", "inactive_file "))
		available = min(available, left(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "))
	}
	return available
}

// left is what a cgroup may still take, by the files of one version. What is
// only cached, it would give up.
func left(group, limit, usage, cached string) int64 {
	most := Setting(filepath.Join(group, limit), 0)
	if most == math.MaxInt64 {
		return most
	}
	used := setting(filepath.Join(group, usage), 0, 0)
	stat, _ := os.ReadFile(filepath.Join(group, "memory.stat"))
	if _, rest, found := strings.Cut("\n"+string(stat), "\n"+cached); found {
		line, _, _ := strings.Cut(rest, "\n")
		used -= number(line, 0)
	}
	return max(0, most-used)
}
