package compare

import (
	"fmt"
	"slices"
)

// A Warning is why a figure may be doubted, and what to do about it.
type Warning struct {
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// Where doubt begins.
const (
	farLine     = 300.0 // ns for a cache line there and back: not one socket
	driftRatio  = 2.0   // between two rounds' cache lines
	spreadRatio = 2.0   // between two rounds of one figure
	stolenShare = 0.01
)

func (r *Report) warn(text, remedy string) {
	r.Warnings = append(r.Warnings, Warning{text, remedy})
}

// doubt looks at the machine and at the figures.
func (r *Report) doubt() {
	r.doubtMachine()
	r.doubtCacheLine()
	r.doubtSpread()
}

func (r *Report) doubtMachine() {
	m, p := r.Machine, r.Placement
	switch {
	case p.Alone():
		r.warn(fmt.Sprintf("both sides share CPU %d: the figures show how fast it switches between them", p.Leader),
			"allow two CPUs: taskset -c 0,1 kith compare")
	case slices.Contains(siblings(p.Leader), p.Follower):
		r.warn(fmt.Sprintf("CPUs %d and %d are two threads of one core", p.Leader, p.Follower),
			"allow CPUs of two cores (lscpu -e lists them): taskset -c A,B kith compare")
	}
	if m.Governor == "powersave" {
		r.warn("the CPU governor is powersave: the clock may lag behind the load", "cpupower frequency-set -g performance")
	}
	if len(m.CPUs) > 0 && m.Load > float64(len(m.CPUs)) {
		r.warn(fmt.Sprintf("the load average was %.1f on %d CPUs when the run began", m.Load, len(m.CPUs)),
			"run it again when nothing else runs (top shows what does)")
	}
	if r.Stolen > stolenShare {
		r.warn(fmt.Sprintf("the hypervisor took %.0f %% of the two CPUs' time for others", 100*r.Stolen),
			"run it on a host of your own, or when its other guests are quiet")
	}
}

func (r *Report) doubtCacheLine() {
	if line := median(r.CacheLine); line > farLine {
		r.warn(fmt.Sprintf("a cache line takes %.0f ns there and back: the two CPUs are far apart", line),
			"allow two cores of one socket (lscpu -e lists them): taskset -c A,B kith compare")
	}
	if drift := ratioOf(r.CacheLine); drift > driftRatio {
		r.warn(fmt.Sprintf("the cache line's own time changed by %.1fx between rounds: the machine drifts", drift),
			"compare figures within this run only, and repeat it with a longer --duration")
	}
}

func (r *Report) doubtSpread() {
	wide, worst, where := 0, spreadRatio, ""
	for _, s := range r.Subjects {
		for _, f := range s.Figures {
			if spread := f.spread(); spread > spreadRatio {
				wide++
				if spread > worst {
					worst, where = spread, fmt.Sprintf("%s, %s of %s", s.Name, f.Kind.title(), formatSize(f.Size))
				}
			}
		}
	}
	if wide > 0 {
		r.warn(fmt.Sprintf("%d of the figures differ more than %.0fx between rounds; %s by %.1fx", wide, spreadRatio, where, worst),
			"close what else runs, or give it longer: kith compare --duration 3m")
	}
}
