package cli

import (
	"fmt"
	"syscall"
	"testing"

	"kith/internal/kithtest"
)

// A watched is a C program with children that are to be watched.
type watched struct {
	*kithtest.Child
	t    *testing.T
	pids []string
}

func (p *place) watched(ways ...string) *watched {
	p.t.Helper()
	w := &watched{Child: kithtest.C(p.t, "testdata/watched.c", ways...), t: p.t}
	w.Cmd.Dir = p.files // for core dumps
	w.Start()
	for range ways {
		w.pids = append(w.pids, w.hear())
	}
	return w
}

func (w *watched) hear() string {
	w.t.Helper()
	line, err := w.Hear()
	if err != nil {
		w.t.Fatal(err)
	}
	return line
}

func (w *watched) tell() {
	w.t.Helper()
	if err := w.Say(""); err != nil {
		w.t.Fatal(err)
	}
}

// endAll ends the children, and returns how.
func (w *watched) endAll() map[int]syscall.WaitStatus {
	w.t.Helper()
	w.tell()
	return w.waitForAll()
}

// waitForAll makes their parent wait for them, and returns what it was told.
func (w *watched) waitForAll() map[int]syscall.WaitStatus {
	w.t.Helper()
	w.tell()
	ends := map[int]syscall.WaitStatus{}
	for range w.pids {
		var pid, status int
		if _, err := fmt.Sscan(w.hear(), &pid, &status); err != nil {
			w.t.Fatal(err)
		}
		ends[pid] = syscall.WaitStatus(status)
	}
	return ends
}

// wantEnd holds a line to what the parent was told by wait(2).
func wantEnd(t *testing.T, l watchLine, ends map[int]syscall.WaitStatus) {
	t.Helper()
	status, there := ends[l.PID]
	delete(ends, l.PID)
	exited := l.Status != nil && status.Exited() && *l.Status == status.ExitStatus()
	killed := l.Core != nil && status.Signaled() && l.Signal == signalName(status.Signal()) && *l.Core == status.CoreDump()
	if !there || l.Event != "exit" || exited == killed || l.Seconds == nil {
		t.Errorf("%+v, where wait(2) says %v (%#x)", l, there, status)
	}
}
