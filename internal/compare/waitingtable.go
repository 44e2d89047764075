package compare

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Write writes it for people, on a page of so many columns.
func (w *Waiting) Write(to io.Writer, width int, colour bool) error {
	text.DisableColors()
	if colour {
		text.EnableColors()
	}
	p := &page{width: max(width, leastPage)}
	w.head(p)
	p.line("%s\n", w.chart(p.width, colour))
	w.grown(p, Each, "ONE READY")
	w.grown(p, Last, "THE LAST ONE")
	w.others(p)
	w.foot(p)
	_, err := io.WriteString(to, p.text.String())
	return err
}

func (w *Waiting) head(p *page) {
	m := w.Machine
	p.line("%s", strong.Sprint("One of many sources is written to, waited for and read"))
	p.wrapped(nil, "", "", fmt.Sprintf("%s, %d CPUs, %s %s, %s; one thread on CPU %d", m.CPU, len(m.CPUs), m.Kernel, m.Arch, m.Go, w.CPU))
	p.line("")
}

// grown is a row for each number of sources; beside each time is its ratio to the
// twin's, where there is one.
func (w *Waiting) grown(p *page, measure WaitingMeasure, title string) {
	header := []any{title}
	for _, backend := range waitingBackends {
		header = append(header, backend)
		if w.hasTwin() {
			header = append(header, "to C")
		}
	}
	t := p.table(2, header...)
	for _, n := range w.sources(measure) {
		row := []any{fmt.Sprintf("of %s", thousands(n))}
		for _, backend := range waitingBackends {
			f, found := w.figure(WaitingCell{measure, backend, n})
			row = append(row, timeOf(f.Ours, found))
			if w.hasTwin() {
				row = append(row, ratioTo(f.Ratio))
			}
		}
		t.AppendRow(row)
	}
	p.putFull(t)
}

// putFull puts a table that has rows.
func (p *page) putFull(t table.Writer) {
	if t.Length() > 0 {
		p.put(t)
	}
}

// sources are the numbers of them that were measured.
func (w *Waiting) sources(measure WaitingMeasure) (numbers []int) {
	for _, f := range w.Figures {
		if f.Measure == measure && !slices.Contains(numbers, f.Sources) {
			numbers = append(numbers, f.Sources)
		}
	}
	slices.Sort(numbers)
	return numbers
}

var otherTitles = map[WaitingMeasure]string{
	Beside:   "write and read alone",
	Register: "register one of %s",
	Blocked:  "wake a wait for %s",
	Late:     "300 µs deadline: late by",
}

// others are those that do not grow, or need not: a row for ours, and one for the twin.
func (w *Waiting) others(p *page) {
	t := p.table(2, "BESIDE", "", "select", "poll", "epoll", "Sleep")
	for _, measure := range []WaitingMeasure{Beside, Register, Blocked, Late} {
		for _, n := range w.sources(measure) {
			title := otherTitles[measure]
			if measure == Register || measure == Blocked {
				title = fmt.Sprintf(title, thousands(n))
			}
			ours, twin := []any{title, "kith"}, []any{"", "C"}
			for _, backend := range append(slices.Clone(waitingBackends), sleeping) {
				f, found := w.figure(WaitingCell{measure, backend, n})
				ours, twin = append(ours, timeOf(f.Ours, found)), append(twin, timeOf(f.Twin, f.Twin > 0))
			}
			t.AppendRow(ours)
			if w.hasTwin() {
				t.AppendRow(twin)
			}
		}
	}
	p.putFull(t)
}

func (w *Waiting) foot(p *page) {
	for _, why := range w.reasons() {
		p.wrapped(quiet, "left out: ", "          ", why)
	}
	for _, d := range w.Warnings {
		p.wrapped(caution, "doubt: ", "       ", d.Text)
		p.wrapped(nil, "       ", "       ", "→ "+d.Remedy)
	}
	if w.CutShort != "" {
		p.wrapped(trouble, "cut short: ", "           ", w.CutShort)
	}
}

// reasons are why something was left out, and what.
func (w *Waiting) reasons() (all []string) {
	which := map[string][]string{}
	var whys []string
	for _, l := range w.LeftOut {
		if which[l.Why] == nil {
			whys = append(whys, l.Why)
		}
		if what := fmt.Sprintf("%s of %s", l.Backend, thousands(l.Sources)); !slices.Contains(which[l.Why], what) {
			which[l.Why] = append(which[l.Why], what)
		}
	}
	for _, why := range whys {
		all = append(all, strings.Join(which[why], ", ")+": "+why)
	}
	return all
}

func timeOf(ns float64, found bool) string {
	if !found {
		return none
	}
	return formatTime(ns)
}

// ratioTo is 0 where there is none.
func ratioTo(ratio float64) string {
	if ratio == 0 {
		return none
	}
	return fmt.Sprintf("%.2f", ratio)
}

// thousands writes 10000 as 10,000.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
