package compare

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A Kind is how messages go in a measurement.
type Kind string

// The kinds: a message and its answer at a time, or messages one way, as many
// as the connection takes; and others that only the benchmarks ask for.
const (
	RoundTrip Kind = "round_trip"
	OneWay    Kind = "one_way"
	Batched   Kind = "batched"   // one way, sixteen at a time
	InPlace   Kind = "in_place"  // one way, written and read where the message lies
	Passing   Kind = "passing"   // one way, neither written nor read but for both ends
	PassBack  Kind = "pass_back" // such a message and its answer at a time
)

// A Cell is one figure to measure: Count messages of Size bytes, or Count
// messages and their answers. Size is a multiple of 32.
type Cell struct {
	Kind  Kind `json:"kind"`
	Size  int  `json:"size"`
	Count int  `json:"count"`
	// Latencies has the time of each round trip recorded. It costs a look at
	// the clock for each.
	Latencies bool `json:"latencies,omitempty"`
}

// A Result is what a Cell took.
type Result struct {
	Elapsed  time.Duration `json:"elapsed_ns"`
	Leader   Usage         `json:"leader"`
	Follower Usage         `json:"follower"`
	// Histogram is an HDR histogram of the round trips in nanoseconds, in its
	// compressed V2 encoding.
	Histogram []byte `json:"histogram,omitempty"`
}

// PerOp is the mean time of a message, or of a round trip, in nanoseconds.
func (r Result) PerOp(cell Cell) float64 { return float64(r.Elapsed) / float64(cell.Count) }

// A Usage is what a process has used up.
type Usage struct {
	CPU      time.Duration `json:"cpu_ns"`
	Switches int64         `json:"context_switches"`
	Allocs   uint64        `json:"allocations"`
}

// Plus adds two.
func (u Usage) Plus(v Usage) Usage {
	return Usage{u.CPU + v.CPU, u.Switches + v.Switches, u.Allocs + v.Allocs}
}

// Minus is what was used between v and u.
func (u Usage) Minus(v Usage) Usage {
	return Usage{u.CPU - v.CPU, u.Switches - v.Switches, u.Allocs - v.Allocs}
}

// Used is what this process has used since it started.
func Used() (Usage, error) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return Usage{}, err
	}
	return Usage{
		CPU:      time.Duration(used.Utime.Nano() + used.Stime.Nano()),
		Switches: used.Nvcsw + used.Nivcsw,
		Allocs:   memory.Mallocs,
	}, nil
}

// spent measures what this process uses while it does work.
func spent(work func() error) (Usage, error) {
	before, err := Used()
	if err != nil {
		return Usage{}, err
	}
	if err := work(); err != nil {
		return Usage{}, err
	}
	after, err := Used()
	return after.Minus(before), err
}
