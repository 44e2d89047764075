package compare

import (
	"cmp"
	"math"
	"slices"
)

// A curve is the growth of one backend, ours or the twin's.
type curve struct {
	backend string
	twin    bool
	points  []point // by their sources
}

type point struct{ sources, ns float64 }

type curves []curve

// curves are of the measure Each; none is empty.
func (w *Waiting) curves() (all curves) {
	for _, twin := range []bool{true, false} { // ours is drawn over the twin's
		for _, backend := range waitingBackends {
			c := curve{backend: backend, twin: twin}
			for _, f := range w.Figures {
				ns := f.Ours
				if twin {
					ns = f.Twin
				}
				if f.Measure == Each && f.Backend == backend && ns > 0 {
					c.points = append(c.points, point{float64(f.Sources), ns})
				}
			}
			slices.SortFunc(c.points, func(a, b point) int { return cmp.Compare(a.sources, b.sources) })
			if len(c.points) > 0 {
				all = append(all, c)
			}
		}
	}
	return all
}

// sources are the fewest and the most.
func (c curves) sources() (from, to float64) {
	return c.span(func(p point) float64 { return p.sources })
}

// times are the shortest and the longest.
func (c curves) times() (from, to float64) {
	return c.span(func(p point) float64 { return p.ns })
}

func (c curves) span(of func(point) float64) (from, to float64) {
	for _, curve := range c {
		for _, p := range curve.points {
			if v := of(p); from == 0 || v < from {
				from = v
			}
			to = max(to, of(p))
		}
	}
	return from, to
}

// at is the logarithm of the time at that of a number of sources, on the line between the
// two points around it; NaN beyond them.
func (c curve) at(logSources float64) float64 {
	const near = 1e-9
	for i := range c.points {
		a, b := c.points[max(i-1, 0)], c.points[i]
		x, y := math.Log10(a.sources), math.Log10(b.sources)
		if logSources < x-near || logSources > y+near {
			continue
		}
		if x == y {
			return math.Log10(b.ns)
		}
		return math.Log10(a.ns) + (math.Log10(b.ns)-math.Log10(a.ns))*(logSources-x)/(y-x)
	}
	return math.NaN()
}
