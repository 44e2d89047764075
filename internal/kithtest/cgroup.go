package kithtest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// PidsGroup makes a control group for so many threads, which goes with the test.
func PidsGroup(t testing.TB, most int) (path string) {
	t.Helper()
	NeedKernel(t, "pids-group")
	path, err := makePidsGroup(most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	})
	return path
}

func havePidsGroup() bool {
	path, err := makePidsGroup(1)
	if err != nil {
		return false
	}
	return os.Remove(path) == nil
}

// makePidsGroup makes it below the version of cgroups that has the controller.
func makePidsGroup(most int) (path string, err error) {
	for _, root := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
		path, err = os.MkdirTemp(root, "kith-test-")
		if err != nil {
			continue
		}
		err = os.WriteFile(filepath.Join(path, "pids.max"), []byte(strconv.Itoa(most)), 0)
		if err == nil {
			return path, nil
		}
		_ = os.Remove(path)
	}
	return "", err
}
