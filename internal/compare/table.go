package compare

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// barWidth is how long the bar of the fastest is; a page that is not full has
// none, and a narrow one lacks the columns that tell least. A page is never so
// narrow that what is left would be cut: there the terminal wraps.
const (
	barWidth   = 8
	fullPage   = 100
	narrowPage = 78
	leastPage  = 62
)

var leastTelling = []any{"p99.9", "a message", "switches"}

// none stands where nothing was measured.
const none = "–"

var (
	best    = text.Colors{text.FgGreen, text.Bold}
	quiet   = text.Colors{text.Faint}
	strong  = text.Colors{text.Bold}
	trouble = text.Colors{text.FgRed}
	caution = text.Colors{text.FgYellow}
)

// Write writes the report for people, on a page of so many columns.
func (r *Report) Write(to io.Writer, width int, colour bool) error {
	text.DisableColors()
	if colour {
		text.EnableColors()
	}
	page := &page{report: r, width: max(width, leastPage)}
	page.head()
	page.streams()
	page.figures(RoundTrip, "ROUND TRIP", []string{"p50", "p99", "p99.9", "max"})
	page.figures(OneWay, "ONE WAY", []string{"bytes", "messages", "a message"})
	page.criteria()
	page.failures()
	page.warnings()
	page.foot()
	_, err := io.WriteString(to, page.text.String())
	return err
}

// A page is a report being written.
type page struct {
	report *Report
	width  int
	text   strings.Builder
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(&p.text, format+"\n", args...)
}

// wrapped writes a paragraph, the lines after its first indented.
func (p *page) wrapped(paint text.Colors, first, rest, words string) {
	for i, line := range strings.Split(text.WrapSoft(words, p.width-len(rest)), "\n") {
		indent := rest
		if i == 0 {
			indent = first
		}
		p.line("%s", paint.Sprint(indent+strings.TrimRight(line, " ")))
	}
}

// table starts a table in the manner of the page; aligned right from column
// number on.
func (p *page) table(number int, header ...any) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	if p.width < fullPage {
		style.Box.PaddingRight = " "
	}
	style.Format.Header = text.FormatDefault
	style.Color.Header = strong
	style.Size.WidthMax = p.width
	t.SetStyle(style)
	var columns []table.ColumnConfig
	for i := number; i <= len(header); i++ {
		hidden := p.width < narrowPage && slices.Contains(leastTelling, header[i-1])
		columns = append(columns, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight, Hidden: hidden})
	}
	t.SetColumnConfigs(columns)
	t.AppendHeader(header)
	return t
}

func (p *page) put(t table.Writer) {
	for line := range strings.Lines(t.Render()) {
		p.line("%s", strings.TrimRight(line, " \n"))
	}
	p.line("")
}

// A rank is a transport's place among those that have the same figure.
type rank struct {
	subject SubjectReport
	ratio   float64 // to the fastest; 0 where there is no figure
}

// ranked are all transports, the fastest first, those without the figure last.
func (r *Report) ranked(cost func(SubjectReport) (float64, bool)) []rank {
	var ranks []rank
	fastest := 0.0
	for _, s := range r.Subjects {
		c, found := cost(s)
		if !found {
			c = 0
		} else if fastest == 0 || c < fastest {
			fastest = c
		}
		ranks = append(ranks, rank{subject: s, ratio: c})
	}
	for i := range ranks {
		if fastest > 0 {
			ranks[i].ratio /= fastest
		}
	}
	slices.SortStableFunc(ranks, func(a, b rank) int {
		if (a.ratio == 0) != (b.ratio == 0) {
			return cmp.Compare(b.ratio, a.ratio)
		}
		return cmp.Compare(a.ratio, b.ratio)
	})
	return ranks
}

// lead are the cells that every ranked row begins with: the name, the bar, the
// ratio to the fastest.
func (p *page) lead(k rank) []any {
	name, length, ratio := k.subject.Name, "", none
	if k.ratio > 0 {
		length, ratio = bar(1/k.ratio, barWidth), formatRatio(k.ratio)
	}
	switch {
	case k.subject.Error != "":
		name = trouble.Sprint(name)
	case k.ratio == 1:
		name, ratio = best.Sprint(name), best.Sprint(ratio)
	}
	if p.width < fullPage {
		return []any{name, ratio}
	}
	return []any{name, quiet.Sprint(length), ratio}
}

// leadHeader is the header over them.
func (p *page) leadHeader() []any {
	if p.width < fullPage {
		return []any{"", "slower"}
	}
	return []any{"", "speed", "slower"}
}
