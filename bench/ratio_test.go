package bench

import (
	"slices"
	"strings"
	"testing"

	"kith/internal/compare"
)

// turns is how often each pair is measured.
const turns = 9

// BenchmarkRoundTrip64B: ours/twin is to be at most 1.35.
func BenchmarkRoundTrip64B(b *testing.B) {
	againstTwin(b, compare.Cell{Kind: compare.RoundTrip, Size: 64, Count: 300_000})
}

// BenchmarkOneWay64B: twin/ours, which compares the rates, is to be at least 0.65.
func BenchmarkOneWay64B(b *testing.B) {
	againstTwin(b, compare.Cell{Kind: compare.OneWay, Size: 64, Count: 5_000_000})
}

// BenchmarkOneWay64KiB copies in and out: twin/ours is to be at least 0.7.
func BenchmarkOneWay64KiB(b *testing.B) {
	againstTwin(b, compare.Cell{Kind: compare.OneWay, Size: 64 << 10, Count: 20_000})
}

func againstTwin(b *testing.B, cell compare.Cell) {
	at := placeApart(b)
	c := buildTwin(b, at)
	shm := start(b, "shm", at)
	warmUp(b, shm, cell)
	var bare, twins, ours, ratios, above []float64
	allocs := 0.0
	for turn := range turns {
		line := c.cacheLine(b)
		var theirs, mine float64
		inTurn(turn,
			func() { theirs = c.measure(b, cell) },
			func() {
				result := measure(b, shm, cell)
				mine = result.PerOp(cell)
				allocs = max(allocs, float64(result.Leader.Plus(result.Follower).Allocs)/float64(cell.Count))
			})
		bare, twins, ours = append(bare, line), append(twins, theirs), append(ours, mine)
		ratios, above = append(ratios, mine/theirs), append(above, theirs/line)
	}
	b.ReportMetric(median(twins), "ns-twin")
	b.ReportMetric(median(ours), "ns-ours")
	b.ReportMetric(median(ratios), "ours/twin")
	b.ReportMetric(1/median(ratios), "twin/ours")
	b.ReportMetric(median(bare), "ns-cacheline")
	b.ReportMetric(median(above), "twin/cacheline")
	b.ReportMetric(allocs, "allocs/msg")
	reportApart(b, bare, ratios)
	b.ReportMetric(0, "ns/op")
}

// farLine is a bare cache line there and back, in nanoseconds, that goes between CPUs far apart: a
// host may move virtual ones in the middle of a run.
const farLine = 300

// reportApart reports the turns in which the CPUs were near each other apart from those in which they
// were far.
func reportApart(b *testing.B, bare, ratios []float64) {
	apart := map[string][]float64{}
	for turn, line := range bare {
		where := "near"
		if line >= farLine {
			where = "far"
		}
		apart[where] = append(apart[where], ratios[turn])
	}
	for where, some := range apart {
		b.ReportMetric(median(some), "ours/twin-"+where)
		b.ReportMetric(float64(len(some)), "turns-"+where)
	}
}

// inTurn calls both, the other one first every other time.
func inTurn(turn int, one, other func()) {
	if turn%2 == 1 {
		one, other = other, one
	}
	one()
	other()
}

// placeApart is for sides that spin.
func placeApart(b testing.TB) compare.Placement {
	b.Helper()
	at := place(b)
	if at.Alone() {
		b.Fatal("two spinning sides need two CPUs: allow another, as in taskset -c 0,1")
	}
	return at
}

func place(b testing.TB) compare.Placement {
	b.Helper()
	at, err := compare.Place()
	if err != nil {
		b.Fatal(err)
	}
	return at
}

// start joins a pair over the transport, with further keys of its address.
func start(b *testing.B, name string, at compare.Placement, keys ...string) *compare.Pair {
	b.Helper()
	all := compare.Subjects()
	i := slices.IndexFunc(all, func(s compare.Subject) bool { return s.Name == name })
	if i < 0 {
		b.Fatalf("there is no %s", name)
	}
	subject := all[i]
	if len(keys) > 0 {
		subject.Address += "?" + strings.Join(keys, "&")
	}
	pair, err := compare.Start(b.Context(), subject, at, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pair.Close)
	return pair
}

// warmUp lets the rings and the buffers be touched, and the waits learn.
func warmUp(b *testing.B, pair *compare.Pair, cell compare.Cell) {
	b.Helper()
	cell.Count = max(1, cell.Count/10)
	measure(b, pair, cell)
}

func measure(b *testing.B, pair *compare.Pair, cell compare.Cell) compare.Result {
	b.Helper()
	result, err := pair.Measure(b.Context(), cell)
	if err != nil {
		b.Fatal(err)
	}
	return result
}

// perOp is the time of a message in nanoseconds.
func perOp(b *testing.B, pair *compare.Pair, cell compare.Cell) float64 {
	b.Helper()
	return measure(b, pair, cell).PerOp(cell)
}

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
