package compare

import (
	"math"
	"strings"

	"github.com/guptarohit/asciigraph"
)

const (
	chartHeight = 14
	chartMargin = 14 // for the labels
	mostChart   = 90
)

// chart is the growth for a terminal of so many columns: both axes are logarithms.
func (w *Waiting) chart(width int, colour bool) string {
	curves := w.curves()
	from, to := curves.sources()
	samples := min(width, mostChart) - chartMargin
	var lines [][]float64
	var names []string
	for _, c := range curves {
		if c.twin {
			continue
		}
		line := make([]float64, samples)
		for i := range line {
			x := math.Log10(from) + math.Log10(to/from)*float64(i)/float64(samples-1)
			line[i] = c.at(x)
		}
		lines, names = append(lines, line), append(names, c.backend)
	}
	if len(lines) == 0 || from == to {
		return ""
	}
	options := []asciigraph.Option{
		asciigraph.Height(chartHeight),
		asciigraph.YAxisValueFormatter(func(v float64) string { return formatTime(math.Pow(10, v)) }),
		asciigraph.XAxisRange(math.Log10(from), math.Log10(to)),
		asciigraph.XAxisTickCount(4),
		asciigraph.XAxisValueFormatter(func(v float64) string { return thousands(int(math.Round(math.Pow(10, v)))) }),
		asciigraph.SeriesChars(letters(names)...), // they lie over each other
	}
	if colour {
		options = append(options, asciigraph.SeriesColors(asciigraph.Red, asciigraph.Blue, asciigraph.Green))
	}
	axis := strings.Repeat(" ", 10) + "sources, of which one is ready: " + strings.Join(names, ", ")
	return asciigraph.PlotMany(lines, options...) + "\n" + axis
}

// letters draw each curve with the first of its name's.
func letters(names []string) (sets []asciigraph.CharSet) {
	for _, name := range names {
		sets = append(sets, asciigraph.CreateCharSet(name[:1]))
	}
	return sets
}
