//go:build amd64

package stepper

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// hold stops all other threads of the process. Among them is Go's monitor, which would
// have a goroutine that takes so long give way to others, in the middle of what it does.
func (t *Thread) hold() error {
	tids, err := threads(t.pid)
	if err != nil {
		return err
	}
	for _, tid := range tids {
		if tid == t.tid {
			continue
		}
		if err := seize(tid, options); errors.Is(err, unix.ESRCH) {
			continue // it has ended meanwhile
		} else if err != nil {
			return err
		}
		t.held = append(t.held, tid)
	}
	return nil
}

// release lets the other threads run, and no longer traces them.
func (t *Thread) release() error {
	var err error
	for _, tid := range t.held {
		err = errors.Join(err, unix.PtraceDetach(tid))
	}
	t.held = nil
	return err
}

// threads lists the threads of a process.
func threads(pid int) ([]int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, err
	}
	tids := make([]int, 0, len(entries))
	for _, entry := range entries {
		tid, err := strconv.Atoi(entry.Name())
		if err != nil {
			return nil, err
		}
		tids = append(tids, tid)
	}
	return tids, nil
}
