package compare

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Figure is what all rounds together say of one kind and size. An op is a
// message, or a round trip; its CPU time and context switches are those of
// both sides together.
type Figure struct {
	Kind      Kind      `json:"kind"`
	Size      int       `json:"size"`
	Count     int       `json:"count"`     // ops in all rounds
	NsPerOp   []float64 `json:"ns_per_op"` // the mean of each round
	MedianOp  float64   `json:"median_ns"` // of those
	Latency   *Latency  `json:"latency_ns,omitempty"`
	Messages  float64   `json:"messages_per_second,omitempty"` // one way, by the median
	Bytes     float64   `json:"bytes_per_second,omitempty"`
	CPU       float64   `json:"cpu_ns_per_op"`
	Switches  float64   `json:"context_switches_per_op"`
	Allocs    float64   `json:"allocations_per_op"`
	RoundsP50 []int64   `json:"rounds_p50_ns,omitempty"`

	used      Usage
	histogram *hdrhistogram.Histogram
}

// Latency is how long round trips took, each timed by itself.
type Latency struct {
	P50  int64 `json:"p50"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p99_9"`
	Max  int64 `json:"max"`
}

func (f *Figure) add(cell Cell, result Result) error {
	f.Count += cell.Count
	f.NsPerOp = append(f.NsPerOp, result.PerOp(cell))
	f.used = f.used.Plus(result.Leader).Plus(result.Follower)
	if !cell.Latencies {
		return nil
	}
	round, err := hdrhistogram.Decode(result.Histogram)
	if err != nil {
		return err
	}
	f.RoundsP50 = append(f.RoundsP50, round.ValueAtQuantile(50))
	if f.histogram == nil {
		f.histogram = newHistogram()
	}
	f.histogram.Merge(round)
	return nil
}

func (f *Figure) finish() {
	count := float64(f.Count)
	f.MedianOp = median(f.NsPerOp)
	f.CPU = float64(f.used.CPU) / count
	f.Switches = float64(f.used.Switches) / count
	f.Allocs = float64(f.used.Allocs) / count
	if f.Kind == OneWay {
		f.Messages = float64(time.Second) / f.MedianOp
		f.Bytes = f.Messages * float64(f.Size)
	}
	if h := f.histogram; h != nil {
		f.Latency = &Latency{h.ValueAtQuantile(50), h.ValueAtQuantile(99), h.ValueAtQuantile(99.9), h.Max()}
	}
}

// cost is what transports are ranked by: the median time of an op.
func (f Figure) cost() float64 {
	if f.Latency != nil {
		return float64(f.Latency.P50)
	}
	return f.MedianOp
}

// spread is how much slower the slowest round was than the fastest.
func (f Figure) spread() float64 {
	if len(f.RoundsP50) > 0 {
		return float64(slices.Max(f.RoundsP50)) / float64(max(slices.Min(f.RoundsP50), 1))
	}
	return ratioOf(f.NsPerOp)
}

// median is the middle value; of an even number of them, the mean of the two.
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

// ratioOf is the largest of positive values over the smallest, 1 for none.
func ratioOf(values []float64) float64 {
	if len(values) == 0 || slices.Min(values) <= 0 {
		return 1
	}
	return slices.Max(values) / slices.Min(values)
}
