package bench

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"kith/internal/compare"
	"kith/internal/kithtest"
)

// waitingFile is written in the format that `kith compare waiting` reads.
var waitingFile = flag.String("waiting", "", "write what BenchmarkWaiting measured to `FILE`, as JSON")

// BenchmarkWaiting holds package poll against C that makes the same calls
// (clients/c/waiting.c): of so many sources one is ready, another one each time
// ("each"), or always the one that is looked at last ("last"). ours/twin is to be at
// most the bar.
//
// The plot in docs/waiting.md is of these figures:
//
//	go test ./bench -run '^$' -bench Waiting -waiting /tmp/waiting.json
//	go run ./cmd/kith compare waiting /tmp/waiting.json --svg docs/waiting.svg
func BenchmarkWaiting(b *testing.B) {
	all, err := compare.NewWaiting()
	if err != nil {
		b.Fatal(err)
	}
	program := kithtest.Compile(b, "../clients/c/waiting.c")
	for _, cell := range compare.WaitingCells() {
		b.Run(cell.String(), func(b *testing.B) { measureWaiting(b, all, cell, program) })
	}
	all.Finish(nil)
	if *waitingFile != "" {
		writeWaiting(b, all)
	}
}

// waitingBars are for the time of one that waits, in C's.
var waitingBars = map[string]float64{"epoll": 1.5, "poll": 1.3, "select": 1.3}

func measureWaiting(b *testing.B, all *compare.Waiting, cell compare.WaitingCell, program string) {
	turns, err := all.StartWaiting(b.Context(), cell, program)
	if err != nil {
		b.Fatal(err)
	}
	if turns == nil {
		b.Skip("left out: " + all.LeftOut[len(all.LeftOut)-1].Why)
	}
	for b.Loop() {
		if err := turns.Turn(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if err := turns.Close(); err != nil {
		b.Fatal(err)
	}
	figure := turns.Figure()
	all.Figures = append(all.Figures, figure)
	b.ReportMetric(figure.Ours, "ns-ours")
	b.ReportMetric(figure.Twin, "ns-twin")
	b.ReportMetric(figure.Ratio, "ours/twin")
	if bar := waitingBars[cell.Backend]; cell.Measure == compare.Each || cell.Measure == compare.Last {
		b.ReportMetric(bar, "bar")
	}
	b.ReportMetric(0, "ns/op")
}

func writeWaiting(b *testing.B, all *compare.Waiting) {
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(*waitingFile, append(text, '\n'), 0o600); err != nil {
		b.Fatal(err)
	}
}
