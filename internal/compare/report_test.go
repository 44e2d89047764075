package compare

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kith/driver"
)

// sample is a report of three transports, one of which failed early.
func sample() *Report {
	traits := driver.Traits{Connected: true, Reach: driver.Host, Access: "whoever may open it", Races: "none"}
	r := newReport([]Subject{{"slow", "", traits}, {"fast", "", traits}, {"broken", "", traits}})
	r.CacheLine = []float64{100, 90, 110}
	for i, ns := range []time.Duration{30_000, 10_000} {
		for range rounds {
			_ = r.Subjects[i].add(Cell{Kind: OneWay, Size: 64, Count: 10}, Result{Elapsed: 10 * ns})
		}
	}
	r.Subjects[2].Error = "it broke for a reason that takes some words to tell: " + strings.Repeat("and so on ", 20)
	return r
}

func TestWriteRanksAndFits(t *testing.T) {
	for _, width := range []int{80, 100, 140} {
		text := written(t, width, false)
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns on a page of %d: %s", n, width, line)
			}
		}
		_, oneWay, _ := strings.Cut(text, "ONE WAY")
		if !inOrder(oneWay, "fast", "1.0x", "slow", "3.0x", "broken") {
			t.Errorf("not the fastest first:\n%s", oneWay)
		}
		if !inOrder(text, "failed:", "broken: it broke for a reason") {
			t.Errorf("no word on the failure:\n%s", text)
		}
	}
}

// measured is a report with every figure of as many digits as there can be.
func measured() *Report {
	r := newReport(nil)
	for _, name := range []string{"shm", "unixpacket"} {
		s := SubjectReport{Name: name, Declares: Declared{Reach: "related", Access: "whoever may open it", Races: "what a race can do"}}
		s.Stream = &Arrival{Bytes: madeSize, Elapsed: time.Second}
		for _, size := range Sizes {
			s.Figures = append(s.Figures,
				Figure{Kind: RoundTrip, Size: size, CPU: 9.99e6, Switches: 9.99, Latency: &Latency{P50: 9.99e6, P99: 9.99e6, P999: 9.99e6, Max: 9.99e6}},
				Figure{Kind: OneWay, Size: size, CPU: 9.99e6, Switches: 9.99, MedianOp: 9.99e6, Messages: 9.99e6, Bytes: 9.99e9})
		}
		r.Subjects = append(r.Subjects, s)
	}
	return r
}

// On a terminal of any width nothing is cut: a narrow one lacks whole columns, and
// is told so.
func TestWriteCutsNothing(t *testing.T) {
	for width := 40; width <= 120; width++ {
		var page bytes.Buffer
		if err := measured().Write(&page, width, false); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(page.String(), "≈") || !inOrder(page.String(), "ROUND TRIP", "slower", "p50", "p99", "max", "CPU", "ONE WAY", "bytes") {
			t.Errorf("cut on a page of %d:\n%s", width, page.String())
		}
		if all := inOrder(page.String(), "p99.9", "switches"); all == strings.Contains(page.String(), "78 columns") {
			t.Errorf("on a page of %d all columns are there: %v, but it says\n%s", width, all, page.String())
		}
	}
}

func TestWriteColour(t *testing.T) {
	const escape = "\033["
	if strings.Contains(written(t, 100, false), escape) || !strings.Contains(written(t, 100, true), escape) {
		t.Error("colour where it is not wanted, or none where it is")
	}
}

func written(t *testing.T, width int, colour bool) string {
	t.Helper()
	r := sample()
	r.finish(nil)
	var page bytes.Buffer
	if err := r.Write(&page, width, colour); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func inOrder(text string, words ...string) bool {
	for _, word := range words {
		_, rest, found := strings.Cut(text, word)
		if !found {
			return false
		}
		text = rest
	}
	return true
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct {
		want   string
		change func(*Report)
	}{
		{"share CPU 3", func(r *Report) { r.Placement = Placement{3, 3} }},
		{"powersave", func(r *Report) { r.Machine.Governor = "powersave" }},
		{"load average was 9.0", func(r *Report) { r.Machine.Load = 9 }},
		{"hypervisor took 5 %", func(r *Report) { r.Stolen = 0.05 }},
		{"far apart", func(r *Report) { r.CacheLine = []float64{400, 410} }},
		{"changed by 3.0x", func(r *Report) { r.CacheLine = []float64{50, 150} }},
		{"slow, one way of 64 B by 30.0x", func(r *Report) {
			_ = r.Subjects[0].add(Cell{Kind: OneWay, Size: 64, Count: 1}, Result{Elapsed: 1000})
		}},
	} {
		good, doubtful := goodReport(), goodReport()
		test.change(doubtful)
		good.finish(nil)
		doubtful.finish(nil)
		says := func(w Warning) bool { return strings.Contains(w.Text, test.want) && w.Remedy != "" }
		if len(good.Warnings) != 0 || !slices.ContainsFunc(doubtful.Warnings, says) {
			t.Errorf("%q: a good machine gets %+v, a doubtful one %+v", test.want, good.Warnings, doubtful.Warnings)
		}
	}
}

func goodReport() *Report {
	r := sample()
	r.Placement = Placement{0, 1 << 20} // not two threads of one core
	r.Machine = Machine{CPUs: []int{0, 1}}
	return r
}
