package lock

import "golang.org/x/sys/unix"

// flockOperation is what flock(2) is asked for.
func flockOperation(mode Mode, action action) int {
	how := unix.LOCK_EX
	switch {
	case action == drop:
		return unix.LOCK_UN
	case mode == Shared:
		how = unix.LOCK_SH
	}
	if action == try {
		how |= unix.LOCK_NB
	}
	return how
}
