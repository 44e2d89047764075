package proc_test

import (
	"fmt"
	"testing"

	"kith/internal/kithtest"
	"kith/proc"
)

// Children of another process, which waits for each at the moment when the watcher looks: none
// is a zombie that nobody has waited for.
func TestReapedMeanwhile(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	kithtest.NeedKernel(t, "pidfd-status")
	const children = 1000
	f := newFoster(t)
	w := watcher(t)
	pid := f.number(t, fmt.Sprintf("fork %d", children))
	watches := map[*proc.Watch]way{}
	for i := range children {
		if i > 0 {
			pid = heard(t, f.Child, func() {})
		}
		watches[must(t)(w.Process(pid))] = way{"exit", i % 256}
	}
	_ = f.Say("reap all")
	_ = f.gate.Close()
	for range children {
		event := next(t, w)
		exited, is := event.(proc.Exited)
		if y := watches[event.Watch()]; !is || y.differs(exited.Status) != "" {
			t.Fatalf("%v, want %v", event, y)
		}
	}
	empty(t, w)
	hear(t, f.Child, "all")
}
