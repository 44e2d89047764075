package bench

import (
	"fmt"
	"strconv"
	"testing"

	"kith/internal/compare"
)

// passed are the sizes of messages that are in place already, in a ring of 8 MiB.
var passed = []int{64, 4 << 10, 64 << 10, 1 << 20}

// BenchmarkPassing has messages that are in place passed there and back. to-64B, the price
// over that of a round trip of 64 B which are copied, is to be under 1.5 at every size.
func BenchmarkPassing(b *testing.B) {
	shm := start(b, "shm", placeApart(b), "ring=8m", "limit=2m")
	small := compare.Cell{Kind: compare.RoundTrip, Size: 64, Count: 100_000}
	warmUp(b, shm, small)
	for _, size := range passed {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			cell := compare.Cell{Kind: compare.PassBack, Size: size, Count: small.Count}
			warmUp(b, shm, cell)
			var ours, prices []float64
			for turn := range turns {
				var mine, one float64
				inTurn(turn, func() { mine = perOp(b, shm, cell) }, func() { one = perOp(b, shm, small) })
				ours, prices = append(ours, mine), append(prices, mine/one)
			}
			b.ReportMetric(median(ours), "ns-ours")
			b.ReportMetric(median(prices), "to-64B")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkPassingOneWay has them passed one way, as fast as they go, beside the twin.
func BenchmarkPassingOneWay(b *testing.B) {
	at := placeApart(b)
	c, shm := buildTwin(b, at), start(b, "shm", at, "ring=8m", "limit=2m")
	for _, size := range passed {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			cell := compare.Cell{Kind: compare.Passing, Size: size, Count: 500_000}
			warmUp(b, shm, cell)
			var twins, ours, ratios []float64
			for turn := range turns {
				var theirs, mine float64
				inTurn(turn,
					func() { theirs = c.run(b, "passing", size, cell.Count, strconv.Itoa(8<<20)) },
					func() { mine = perOp(b, shm, cell) })
				twins, ours, ratios = append(twins, theirs), append(ours, mine), append(ratios, mine/theirs)
			}
			b.ReportMetric(median(twins), "ns-twin")
			b.ReportMetric(median(ours), "ns-ours")
			b.ReportMetric(median(ratios), "ours/twin")
			b.ReportMetric(0, "ns/op")
		})
	}
}
