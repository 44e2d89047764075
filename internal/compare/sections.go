package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

func (p *page) head() {
	r, m := p.report, p.report.Machine
	p.line("%s", strong.Sprintf("%d transports, each between two processes, %d rounds in %.0f s",
		len(r.Subjects), r.Rounds, r.Elapsed.Seconds()))
	kind := ""
	if m.Virtual {
		kind = ", virtual"
	}
	p.wrapped(nil, "", "", fmt.Sprintf("%s%s, %d CPUs, %s %s, %s", m.CPU, kind, len(m.CPUs), m.Kernel, m.Arch, m.Go))
	p.wrapped(nil, "", "", fmt.Sprintf("%s; %s", r.Placement, bounceWords(r.CacheLine)))
	p.line("")
}

// bounceWords tells of the cache line: what the figures below stand against.
func bounceWords(times []float64) string {
	if len(times) == 0 {
		return "no cache line goes between them"
	}
	return fmt.Sprintf("a bare cache line goes there and back in %s (%s to %s)",
		formatTime(median(times)), formatTime(slices.Min(times)), formatTime(slices.Max(times)))
}

// streams is the section on the real input.
func (p *page) streams() {
	in := p.report.Input
	p.wrapped(nil, "", "", fmt.Sprintf("%s %s, in messages of %s, checked on arrival: SHA-256 %.16s…",
		strings.TrimSuffix(formatRate(float64(in.Bytes), "B"), "/s"), in.Source, formatSize(streamChunk), in.SHA256))
	t := p.table(len(p.leadHeader()), append(append([]any{"STREAM"}, p.leadHeader()[1:]...), "bytes", "arrived")...)
	for _, k := range p.report.ranked(streamCost) {
		row := p.lead(k)
		if arrival := k.subject.Stream; arrival != nil {
			t.AppendRow(append(row, formatRate(float64(arrival.Bytes)/arrival.Elapsed.Seconds(), "B"), "identical"))
		} else {
			t.AppendRow(append(row, none, none))
		}
	}
	p.put(t)
}

func streamCost(s SubjectReport) (float64, bool) {
	if s.Stream == nil {
		return 0, false
	}
	return float64(s.Stream.Elapsed), true
}

// figures is the section on one kind, a group for each size.
func (p *page) figures(kind Kind, title string, columns []string) {
	header := append([]any{title}, p.leadHeader()...)
	for _, column := range columns {
		header = append(header, column)
	}
	t := p.table(len(p.leadHeader())+1, append(header, "CPU", "switches")...)
	for _, size := range Sizes {
		p.group(t, kind, size, len(columns)+2)
	}
	p.put(t)
}

func (p *page) group(t table.Writer, kind Kind, size, columns int) {
	label := strong.Sprint(formatSize(size))
	for _, k := range p.report.ranked(func(s SubjectReport) (float64, bool) {
		f, found := s.figure(kind, size)
		return f.cost(), found
	}) {
		row := append([]any{label}, p.lead(k)...)
		if f, found := k.subject.figure(kind, size); found {
			row = append(row, f.cells()...)
		} else {
			for range columns {
				row = append(row, none)
			}
		}
		t.AppendRow(row)
		label = ""
	}
	t.AppendSeparator()
}

// cells are a figure's own columns.
func (f Figure) cells() []any {
	cells := []any{formatRate(f.Bytes, "B"), formatRate(f.Messages, ""), formatTime(f.MedianOp)}
	if l := f.Latency; l != nil {
		cells = []any{}
		for _, ns := range []int64{l.P50, l.P99, l.P999, l.Max} {
			cells = append(cells, formatTime(float64(ns)))
		}
	}
	return append(cells, formatTime(f.CPU), threeDigits(f.Switches))
}

// criteria is what the transports declare beside speed.
func (p *page) criteria() {
	t := p.table(99, "BESIDE SPEED", "connection", "reach", "access control", "races")
	const others = 14 + 12 + 9 + 2*2 // the columns before, and what is between
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 4, WidthMax: (p.width - others) / 2, WidthMaxEnforcer: text.WrapSoft},
		{Number: 5, WidthMax: (p.width - others) / 2, WidthMaxEnforcer: text.WrapSoft},
	})
	for _, s := range p.report.Subjects {
		connection := "connected"
		if !s.Declares.Connected {
			connection = "none"
		}
		t.AppendRow(table.Row{s.Name, connection, s.Declares.Reach, s.Declares.Access, s.Declares.Races})
	}
	p.put(t)
}

func (p *page) failures() {
	for _, s := range p.report.Subjects {
		if s.Error != "" {
			p.wrapped(trouble, "failed: ", "        ", s.Name+": "+s.Error)
		}
	}
}

func (p *page) warnings() {
	for _, w := range p.report.Warnings {
		p.wrapped(caution, "doubt:  ", "        ", w.Text)
		p.wrapped(nil, "        ", "        ", "→ "+w.Remedy)
	}
}

func (p *page) foot() {
	if p.report.CutShort != "" {
		p.wrapped(trouble, "cut short: ", "           ", p.report.CutShort)
	}
	p.wrapped(quiet, "", "", "CPU and context switches are of both sides together, for a round trip or a message. "+
		"Payloads are written and read in full; each side is pinned.")
	if p.width < narrowPage {
		p.wrapped(quiet, "", "", fmt.Sprintf("Some of the figures need a page of %d columns.", narrowPage))
	}
	if p.report.Saved != "" {
		p.line("%s", quiet.Sprint("every result: "+p.report.Saved))
	}
}
