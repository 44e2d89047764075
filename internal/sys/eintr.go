// Package sys is kith's one door to the kernel: what x/sys lacks, mappings,
// fences, the interruption of blocked calls, and everything unsafe.
package sys

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Again calls f until it is not interrupted by a signal.
func Again(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Exhausted reports whether err says that this process or machine has run out
// of something, rather than that a peer did wrong.
func Exhausted(err error) bool {
	for _, errno := range []syscall.Errno{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOSPC, unix.ENOBUFS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
