package compare

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Placement says which CPU the leader runs on, and which the follower.
type Placement struct {
	Leader   int `json:"leader_cpu"`
	Follower int `json:"follower_cpu"`
}

// Alone reports that both sides share one CPU.
func (p Placement) Alone() bool { return p.Leader == p.Follower }

func (p Placement) String() string {
	if p.Alone() {
		return fmt.Sprintf("both sides on CPU %d", p.Leader)
	}
	return fmt.Sprintf("one side on CPU %d, the other on CPU %d", p.Leader, p.Follower)
}

// Place picks two of the CPUs that this process may use: the first, and the
// next that is not the same core's other thread, if there is one.
func Place() (Placement, error) {
	allowed, err := allowedCPUs()
	if err != nil {
		return Placement{}, err
	}
	p := Placement{allowed[0], allowed[len(allowed)-1]}
	for _, cpu := range allowed[1:] {
		if !slices.Contains(siblings(p.Leader), cpu) {
			p.Follower = cpu
			break
		}
	}
	return p, nil
}

func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// siblings are the CPUs that share a core with cpu, itself among them.
func siblings(cpu int) []int {
	text := firstLine(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if isRange {
			last, _ = strconv.Atoi(to)
		}
		for cpu := first; err == nil && cpu <= last; cpu++ {
			all = append(all, cpu)
		}
	}
	return all
}

// pinProcess keeps every thread of this process on one CPU, those to come too.
//
// The transport is to behave as it does in a program of its user, which is
// not pinned. So this happens after the runtime has started and counted the
// CPUs, and GOMAXPROCS is then set to the value that it has: otherwise the
// runtime would see the narrower mask within a second, lower GOMAXPROCS to 1,
// and with it what a transport allows itself to spin.
func pinProcess(cpu int) error {
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for pinned := map[string]bool{}; ; {
		fresh, err := pinThreads(cpu, pinned)
		if err != nil || fresh == 0 {
			return err
		}
	}
}

// pinThreads pins the threads that are not in pinned yet. A new thread has the
// mask of the one that made it, so once none is fresh, all of them are pinned.
func pinThreads(cpu int, pinned map[string]bool) (fresh int, err error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, err
	}
	for _, task := range tasks {
		if pinned[task.Name()] {
			continue
		}
		id, _ := strconv.Atoi(task.Name())
		if err := pinThread(id, cpu); err != nil && !errors.Is(err, unix.ESRCH) {
			return fresh, os.NewSyscallError("sched_setaffinity", err)
		}
		pinned[task.Name()] = true
		fresh++
	}
	return fresh, nil
}

// pinThread keeps one thread on one CPU; id 0 is the calling thread.
func pinThread(id, cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(id, &set)
}
