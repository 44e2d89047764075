package kithtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// MemoryGroup makes a control group of version 1 in the hierarchy of the memory controller,
// which goes with the test, if it is there still.
func MemoryGroup(t testing.TB) (path string) {
	t.Helper()
	NeedKernel(t, "memory-group")
	return group(t, memoryRoot)
}

// UnifiedGroup makes a control group of version 2, which goes with the test, if it is there still.
func UnifiedGroup(t testing.TB) (path string) {
	t.Helper()
	NeedKernel(t, "unified-group")
	return group(t, unifiedRoot())
}

const memoryRoot = "/sys/fs/cgroup/memory"

// unifiedRoot is where version 2 is mounted: alone, or beside version 1. Empty: it is not.
func unifiedRoot() string {
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var stat unix.Statfs_t
		if unix.Statfs(root, &stat) == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC {
			return root
		}
	}
	return ""
}

func group(t testing.TB, root string) (path string) {
	t.Helper()
	path, err := os.MkdirTemp(root, "kith-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	})
	return path
}

func haveMemoryGroup() bool {
	return haveGroup(memoryRoot, "memory.oom_control")
}

func haveUnifiedGroup() bool {
	return unifiedRoot() != "" && haveGroup(unifiedRoot(), "cgroup.events")
}

// haveUnifiedMemory: the group that the tests are in gives its own groups the controller.
func haveUnifiedMemory() bool {
	return unifiedRoot() != "" && haveGroup(unifiedRoot(), "memory.events")
}

// haveGroup makes one with this file.
func haveGroup(root, file string) bool {
	path, err := os.MkdirTemp(root, "kith-test-")
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(path, file))
	return os.Remove(path) == nil && err == nil
}

// haveKernel compares the kernel's release.
func haveKernel(major, minor int) bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	var is, then int
	if n, _ := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &is, &then); n != 2 {
		return false
	}
	return is > major || is == major && then >= minor
}
