package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"kith/internal/compare"
)

// A report is what was measured, and where.
type report struct {
	CPU       string            `json:"cpu"`
	Kernel    string            `json:"kernel"`
	Go        string            `json:"go"`
	Placement compare.Placement `json:"placement"`
	CacheLine []float64         `json:"cache_line_ns"` // there and back, in each round
	Subjects  []subjectReport   `json:"subjects"`
}

type subjectReport struct {
	Name    string   `json:"name"`
	What    string   `json:"what"`
	Version string   `json:"version,omitempty"`
	Error   string   `json:"error,omitempty"`
	Figures []figure `json:"figures"`
}

// A figure is what all rounds say of a cell.
type figure struct {
	Kind   kind      `json:"kind"`
	Size   int       `json:"size"`
	Rounds []float64 `json:"ns"`        // of a message, or the median round trip
	Median float64   `json:"median_ns"` // of the rounds
	Ratio  float64   `json:"ratio"`     // its time to that of shm: in the same round, the median of the rounds
}

func newReport(subjects []subject) report {
	r := report{CPU: "unknown CPU", Go: runtime.Version()}
	info, _ := os.ReadFile("/proc/cpuinfo") // what is not there stays unknown
	if _, rest, found := strings.Cut(string(info), "model name"); found {
		line, _, _ := strings.Cut(rest, "\n")
		r.CPU = strings.Trim(line, "\t :")
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		r.Kernel = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	}
	for _, s := range subjects {
		figures := make([]figure, len(cells))
		for i, c := range cells {
			figures[i] = figure{Kind: c.kind, Size: c.size}
		}
		r.Subjects = append(r.Subjects, subjectReport{Name: s.name, What: s.what, Figures: figures})
	}
	return r
}

// finish works out the medians and the ratios.
func (r *report) finish() {
	var shm *subjectReport
	for i := range r.Subjects {
		if r.Subjects[i].Name == first && r.Subjects[i].Error == "" {
			shm = &r.Subjects[i]
		}
	}
	for _, s := range r.Subjects {
		for c := range s.Figures {
			f := &s.Figures[c]
			f.Median = median(f.Rounds)
			if shm == nil {
				continue
			}
			var ratios []float64
			for round, ns := range f.Rounds[:min(len(f.Rounds), len(shm.Figures[c].Rounds))] {
				ratios = append(ratios, ns/shm.Figures[c].Rounds[round])
			}
			f.Ratio = median(ratios)
		}
	}
}

// median is the middle value, 0 of none; of an even number of them, the mean of the two.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// String is the report for people.
func (r *report) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, %s, %s; %v; a cache line there and back %s\n", r.CPU, r.Kernel, r.Go, r.Placement, formatTime(median(r.CacheLine)))
	fmt.Fprintf(&text, "%d rounds, medians; in brackets the time as a multiple of that of %s in the same round\n\n", len(r.CacheLine), first)
	table := tabwriter.NewWriter(&text, 0, 0, 1, ' ', tabwriter.AlignRight)
	for _, c := range cells {
		fmt.Fprintf(table, "\t%s\t", c.name)
	}
	fmt.Fprintln(table, "\t")
	for _, s := range r.Subjects {
		fmt.Fprint(table, s.Name)
		for _, f := range s.Figures {
			fmt.Fprintf(table, "\t%s\t%s", f.value(), f.times())
		}
		fmt.Fprintln(table, "\t")
	}
	_ = table.Flush()
	fmt.Fprintln(&text)
	for _, s := range r.Subjects {
		line := s.Name + ": " + s.What
		for _, more := range []string{s.Version, s.Error} {
			if more != "" {
				line += "; " + more
			}
		}
		fmt.Fprintln(&text, line)
	}
	return text.String()
}

// value is a time for a round trip, a rate for what goes one way.
func (f figure) value() string {
	const second = 1e9
	switch {
	case f.Median == 0:
		return "–"
	case f.Kind == roundTrip:
		return formatTime(f.Median)
	case f.Size <= 64:
		return fmt.Sprintf("%.3g M/s", second/f.Median/1e6)
	}
	return fmt.Sprintf("%.3g GB/s", float64(f.Size)/f.Median)
}

func (f figure) times() string {
	if f.Ratio == 0 {
		return ""
	}
	return fmt.Sprintf("(%.3g)", f.Ratio)
}

func formatTime(ns float64) string {
	if ns < 1000 {
		return fmt.Sprintf("%.0f ns", ns)
	}
	return fmt.Sprintf("%.3g µs", ns/1000)
}
