//go:build amd64

package stepper

import (
	"errors"
	"io/fs"
)

// bury waits for the death of all threads that we trace, of a process that was killed. Its
// first thread, whose end is the process's, is left to whoever started the process.
func bury(pid int) error {
	for foreign := map[int]bool{pid: true}; ; {
		tids, err := threads(pid)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		known := 0
		for _, tid := range tids {
			if foreign[tid] {
				known++
			} else if err := dead(tid); err != nil {
				foreign[tid] = true // not traced, or not any more
			}
		}
		if known == len(tids) {
			return nil
		}
	}
}

func dead(tid int) error {
	for {
		status, err := wait(tid, 0)
		if err != nil || status.Exited() || status.Signaled() {
			return err
		}
	}
}
