package sys

import (
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// cgroups are the directories of the control groups around this process that
// may limit what the controller counts, the narrowest first (cgroups(7)): of
// version 2, and of version 1 where the controller is mounted so.
func cgroups(controller string) iter.Seq[string] {
	return func(yield func(string) bool) {
		lines, _ := os.ReadFile("/proc/self/cgroup") // hierarchy:controllers:/path
		for line := range strings.Lines(string(lines)) {
			fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
			if len(fields) < 3 {
				continue
			}
			root := "/sys/fs/cgroup"
			if fields[1] != "" {
				root = filepath.Join(root, fields[1])
				if !slices.Contains(strings.Split(fields[1], ","), controller) {
					continue
				}
			}
			for group := filepath.Join(root, fields[2]); strings.HasPrefix(group, root); group = filepath.Dir(group) {
				if !yield(group) {
					return
				}
			}
		}
	}
}
