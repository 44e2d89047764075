package bench

import (
	"fmt"
	"strconv"
	"testing"

	"kith/internal/compare"
	"kith/transport/shm"
)

// passed are the sizes of messages that are in place already.
var passed = []int{64, 4 << 10, 64 << 10, 1 << 20}

// ringOf is a ring that holds eight messages of the size, or the default one.
func ringOf(size int) int { return max(8*size, shm.DefaultRing) }

// BenchmarkPassing has messages that are in place passed there and back. to-64B, the price
// over that of a round trip of 64 B which are copied, is to be under 1.5 at every size.
func BenchmarkPassing(b *testing.B) {
	at := placeApart(b)
	small := compare.Cell{Kind: compare.RoundTrip, Size: 64, Count: 100_000}
	for _, size := range passed {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			ours := start(b, "shm", at, fmt.Sprint("ring=", ringOf(size)))
			cell := compare.Cell{Kind: compare.PassBack, Size: size, Count: small.Count}
			warmUp(b, ours, small)
			warmUp(b, ours, cell)
			var times, prices []float64
			for turn := range turns {
				var mine, one float64
				inTurn(turn, func() { mine = perOp(b, ours, cell) }, func() { one = perOp(b, ours, small) })
				times, prices = append(times, mine), append(prices, mine/one)
			}
			b.ReportMetric(median(times), "ns-ours")
			b.ReportMetric(median(prices), "to-64B")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkPassingOneWay has them passed one way, as fast as they go, beside the twin.
func BenchmarkPassingOneWay(b *testing.B) {
	at := placeApart(b)
	c := buildTwin(b, at)
	for _, size := range passed {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			pair := start(b, "shm", at, fmt.Sprint("ring=", ringOf(size)))
			cell := compare.Cell{Kind: compare.Passing, Size: size, Count: 500_000}
			warmUp(b, pair, cell)
			var twins, ours, ratios []float64
			for turn := range turns {
				var theirs, mine float64
				inTurn(turn,
					func() { theirs = c.run(b, "passing", size, cell.Count, strconv.Itoa(ringOf(size))) },
					func() { mine = perOp(b, pair, cell) })
				twins, ours, ratios = append(twins, theirs), append(ours, mine), append(ratios, mine/theirs)
			}
			b.ReportMetric(median(twins), "ns-twin")
			b.ReportMetric(median(ours), "ns-ours")
			b.ReportMetric(median(ratios), "ours/twin")
			b.ReportMetric(0, "ns/op")
		})
	}
}
