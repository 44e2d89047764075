package bench

import (
	"testing"

	"kith/internal/compare"
)

// BenchmarkBatch64B: unbatched/batched, which compares the rates of our own, is to be at
// least 1.3; twin/ours is to the twin that publishes sixteen at once, too.
func BenchmarkBatch64B(b *testing.B) {
	at := placeApart(b)
	c, shm := buildTwin(b, at), start(b, "shm", at)
	batched := compare.Cell{Kind: compare.Batched, Size: 64, Count: 5_000_000}
	single := batched
	single.Kind = compare.OneWay
	warmUp(b, shm, batched)
	warmUp(b, shm, single)
	var twins, ours, alone, ratios, gains []float64
	for turn := range turns {
		var theirs, mine, one float64
		inTurn(turn,
			func() { theirs = c.run(b, "batch", 64, batched.Count) },
			func() { inTurn(turn, func() { mine = perOp(b, shm, batched) }, func() { one = perOp(b, shm, single) }) })
		twins, ours, alone = append(twins, theirs), append(ours, mine), append(alone, one)
		ratios, gains = append(ratios, theirs/mine), append(gains, one/mine)
	}
	b.ReportMetric(median(twins), "ns-twin")
	b.ReportMetric(median(ours), "ns-batched")
	b.ReportMetric(median(alone), "ns-unbatched")
	b.ReportMetric(median(ratios), "twin/ours")
	b.ReportMetric(median(gains), "unbatched/batched")
	b.ReportMetric(0, "ns/op")
}
