package compare

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Every thread of both processes is where the placement says.
func TestPairIsPinned(t *testing.T) {
	at, err := Place()
	if err != nil {
		t.Fatal(err)
	}
	pair := startPair(t, "unix")
	leader := pair.cmd.Process.Pid
	for pid, cpu := range map[int]int{leader: at.Leader, childOf(t, leader): at.Follower} {
		for _, thread := range threads(t, pid) {
			var set unix.CPUSet
			if err := unix.SchedGetaffinity(thread, &set); err != nil {
				t.Fatal(err)
			}
			if set.Count() != 1 || !set.IsSet(cpu) {
				t.Errorf("thread %d of %d may run on %d CPUs, and is to run on CPU %d alone", thread, pid, set.Count(), cpu)
			}
		}
	}
}

// The threads that bounce a cache line take their CPU masks with them.
func TestCacheLineLeavesNothing(t *testing.T) {
	at, err := Place()
	if err != nil {
		t.Fatal(err)
	}
	before, err := allowedCPUs()
	if err != nil {
		t.Fatal(err)
	}
	bounce, err := CacheLine(at)
	if err != nil || (bounce > 0) == at.Alone() {
		t.Errorf("got %v ns, %v", bounce, err)
	}
	if after, err := allowedCPUs(); err != nil || len(after) != len(before) {
		t.Errorf("%d CPUs are allowed, %d were before (%v)", len(after), len(before), err)
	}
}
