package cli

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// completeWatch offers PIDs with their names, and control groups by what follows
// /sys/fs/cgroup/; files, where a path begins as such, and behind --, of which cobra
// does not tell.
func completeWatch(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	switch {
	case strings.HasPrefix(typed, "/") || strings.HasPrefix(typed, ".") || slices.Contains(os.Args, "--"):
		return nil, cobra.ShellCompDirectiveDefault
	case typed == "":
		return append(processes(), groupsLike(typed)...), cobra.ShellCompDirectiveNoFileComp
	case strings.Trim(typed, "0123456789") == "":
		return processes(), cobra.ShellCompDirectiveNoFileComp
	}
	return groupsLike(typed), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// processes are all that can be seen.
func processes() []string {
	var offers []string
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			offers = append(offers, cobra.CompletionWithDesc(entry.Name(), printable([]byte(commandName(pid)))))
		}
	}
	return offers
}

// groupsLike are the control groups beside the one that is being typed.
func groupsLike(typed string) []string {
	parent, _ := path.Split(typed)
	var offers []string
	entries, _ := os.ReadDir(path.Join(controlGroups, parent))
	for _, entry := range entries {
		if entry.IsDir() {
			offers = append(offers, parent+entry.Name()+"/")
		}
	}
	return offers
}
