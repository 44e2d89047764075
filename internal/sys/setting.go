package sys

import (
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Setting is a number of the kernel's, as the settings below /proc/sys are: the
// field of the file, counted from 0. Where there is none, or a larger one than
// fits, it is the largest number.
func Setting(path string, field int) int64 { return setting(path, field, math.MaxInt64) }

func setting(path string, field int, fallback int64) int64 {
	text, _ := os.ReadFile(path)
	fields := strings.Fields(string(text))
	if field >= len(fields) {
		return fallback
	}
	return number(fields[field], fallback)
}

// number is the fallback for words too, as "max" in a cgroup.
func number(text string, fallback int64) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return fallback
	}
	return n
}

// Resource is a limit of this process's, getrlimit(2); unlimited is the largest
// number.
func Resource(which int) int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(which, &limit) != nil || limit.Cur > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(limit.Cur)
}
