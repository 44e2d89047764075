package compare

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Machine is what a reader must know of where the figures come from.
type Machine struct {
	CPU      string  `json:"cpu"`
	CPUs     []int   `json:"cpus"` // those this process may use
	Kernel   string  `json:"kernel"`
	Arch     string  `json:"arch"`
	Go       string  `json:"go"`
	Virtual  bool    `json:"virtual"`
	Governor string  `json:"governor,omitempty"` // "" where the kernel does not say
	Load     float64 `json:"load_1m"`            // when the run began
}

func thisMachine() Machine {
	m := Machine{Arch: runtime.GOARCH, Go: runtime.Version(), CPU: "unknown CPU"}
	info, _ := os.ReadFile("/proc/cpuinfo") // what is not there stays unknown
	if model := field(string(info), "model name"); model != "" {
		m.CPU = model
	}
	m.Virtual = strings.Contains(" "+field(string(info), "flags")+" ", " hypervisor ") || firstLine("/sys/hypervisor/type") != ""
	m.CPUs, _ = allowedCPUs()
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	}
	if len(m.CPUs) > 0 {
		m.Governor = firstLine(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", m.CPUs[0]))
	}
	load, _, _ := strings.Cut(firstLine("/proc/loadavg"), " ")
	m.Load, _ = strconv.ParseFloat(load, 64)
	return m
}

// field is the value of the first line "key : value".
func field(text, key string) string {
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func firstLine(path string) string {
	text, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// ticks are what two CPUs have spent so far, and what of that the hypervisor
// gave to others.
type ticks struct{ all, stolen float64 }

// stealColumn counts from the CPU's name in a line of /proc/stat.
const stealColumn = 8

func stolen(p Placement) (t ticks) {
	stat, _ := os.ReadFile("/proc/stat")
	for line := range strings.Lines(string(stat)) {
		columns := strings.Fields(line)
		if len(columns) <= stealColumn || columns[0] != fmt.Sprint("cpu", p.Leader) && columns[0] != fmt.Sprint("cpu", p.Follower) {
			continue
		}
		for i := 1; i <= stealColumn; i++ {
			n, _ := strconv.ParseFloat(columns[i], 64)
			t.all += n
			if i == stealColumn {
				t.stolen += n
			}
		}
	}
	return t
}

// until is the share of the time in between that was stolen.
func (t ticks) until(later ticks) float64 {
	if later.all <= t.all {
		return 0
	}
	return (later.stolen - t.stolen) / (later.all - t.all)
}
