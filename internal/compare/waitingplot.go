package compare

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// The plot's measures in pixels: the whole, and where the curves are.
const (
	plotWidth, plotHeight   = 760.0, 460.0
	plotLeft, plotRight     = 84.0, 664.0
	plotTop, plotBottom     = 78.0, 392.0
	legendY, captionY, dotR = 446.0, 46.0, 3.5
)

// Colours that people tell apart who see few of them.
var plotColours = map[string]string{"select": "#c0490a", "poll": "#0067a5", "epoll": "#00805a"}

// WriteSVG draws the growth with the number of sources: both axes are logarithms,
// ours is a line and the twin's is dashed.
func (w *Waiting) WriteSVG(to io.Writer) error {
	all := w.curves()
	if len(all) == 0 {
		return errors.New("there is no figure to draw")
	}
	d := newDrawing(all)
	d.frame(w)
	for _, c := range all {
		d.curve(c)
	}
	d.legend(w.hasTwin())
	text, err := xml.MarshalIndent(d.svg(), "", " ")
	if err != nil {
		return err
	}
	_, err = to.Write(append(text, '\n'))
	return err
}

// A drawing is an SVG being made.
type drawing struct {
	x, y  logAxis
	parts []element
}

// A logAxis maps values to pixels by their logarithms.
type logAxis struct{ from, to, start, end float64 }

// wholeDecades goes from one power of ten to another.
func wholeDecades(from, to, start, end float64) logAxis {
	first, last := math.Floor(math.Log10(from)), math.Ceil(math.Log10(to))
	return logAxis{math.Pow(10, first), math.Pow(10, max(last, first+1)), start, end}
}

func (a logAxis) at(v float64) float64 {
	return a.start + (a.end-a.start)*math.Log(v/a.from)/math.Log(a.to/a.from)
}

// decades are the powers of ten on it.
func (a logAxis) decades() (all []float64) {
	for v := a.from; v < a.to*1.001; v *= 10 {
		all = append(all, v)
	}
	return all
}

func newDrawing(all curves) *drawing {
	fewest, most := all.sources()
	shortest, longest := all.times()
	return &drawing{
		x: wholeDecades(fewest, most, plotLeft, plotRight),
		y: wholeDecades(shortest, longest, plotBottom, plotTop),
	}
}

// frame is all but the curves.
func (d *drawing) frame(w *Waiting) {
	m := w.Machine
	d.add("rect", "width", "100%", "height", "100%", "fill", "white")
	d.text(plotLeft, 26, "start", "Waiting for one of many sources", "font-size", 17, "font-weight", "bold")
	d.text(plotLeft, captionY, "start", fmt.Sprintf("%.60s, %.60s %.20s, %.30s", m.CPU, m.Kernel, m.Arch, m.Go), "fill", "#555")
	for _, v := range d.x.decades() {
		d.line(d.x.at(v), plotTop, d.x.at(v), plotBottom, "stroke", "#ddd")
		d.text(d.x.at(v), plotBottom+18, "middle", thousands(int(math.Round(v))))
	}
	for _, v := range d.y.decades() {
		d.line(plotLeft, d.y.at(v), plotRight, d.y.at(v), "stroke", "#ddd")
		d.text(plotLeft-8, d.y.at(v)+4, "end", roundTime(v))
	}
	d.text((plotLeft+plotRight)/2, plotBottom+38, "middle", "sources, of which one is ready")
	middle := (plotTop + plotBottom) / 2
	d.text(20, middle, "middle", "time to write to it, wait for it and read it", "transform", fmt.Sprintf("rotate(-90 20 %g)", middle))
}

// roundTime is the time of a power of ten.
func roundTime(ns float64) string {
	return strings.NewReplacer(".00 ", " ", ".0 ", " ").Replace(formatTime(ns))
}

func (d *drawing) curve(c curve) {
	var path []string
	colour := plotColours[c.backend]
	for _, p := range c.points {
		path = append(path, fmt.Sprintf("%.1f,%.1f", d.x.at(p.sources), d.y.at(p.ns)))
	}
	dashes, who := "none", "kith"
	if c.twin {
		dashes, who = "5 4", "C"
	}
	d.add("polyline", "points", strings.Join(path, " "), "fill", "none", "stroke", colour, "stroke-width", 2, "stroke-dasharray", dashes)
	if !c.twin {
		d.name(c, colour)
	}
	for _, p := range c.points {
		dot := shape("circle", "cx", d.x.at(p.sources), "cy", d.y.at(p.ns), "r", dotR, "fill", colour)
		if c.twin {
			dot = shape("circle", "cx", d.x.at(p.sources), "cy", d.y.at(p.ns), "r", dotR, "fill", "white", "stroke", colour)
		}
		title := shape("title")
		title.Text = fmt.Sprintf("%s, %s of %s sources: %s", who, c.backend, thousands(int(p.sources)), formatTime(p.ns))
		dot.Parts = []element{title}
		d.parts = append(d.parts, dot)
	}
}

// name writes it at the curve's end: beside it, or above where others go on.
func (d *drawing) name(c curve, colour string) {
	last := c.points[len(c.points)-1]
	x, y, anchor := d.x.at(last.sources)+10, d.y.at(last.ns)+4, "start"
	if x < plotRight {
		x, y, anchor = x-16, y-12, "end"
	}
	d.text(x, y, anchor, c.backend, "fill", colour, "font-weight", "bold")
}

// legend says which lines are whose.
func (d *drawing) legend(twin bool) {
	d.line(plotLeft, legendY, plotLeft+30, legendY, "stroke", "#333", "stroke-width", 2)
	d.text(plotLeft+38, legendY+4, "start", "kith's package poll")
	if twin {
		d.line(plotLeft+200, legendY, plotLeft+230, legendY, "stroke", "#333", "stroke-width", 2, "stroke-dasharray", "5 4")
		d.text(plotLeft+238, legendY+4, "start", "C, the same system calls")
	}
}

func (d *drawing) line(x1, y1, x2, y2 float64, attributes ...any) {
	d.add("line", append([]any{"x1", x1, "y1", y1, "x2", x2, "y2", y2}, attributes...)...)
}

func (d *drawing) text(x, y float64, anchor, words string, attributes ...any) {
	d.add("text", append([]any{"x", x, "y", y, "text-anchor", anchor}, attributes...)...)
	d.parts[len(d.parts)-1].Text = words
}

func (d *drawing) add(name string, attributes ...any) {
	d.parts = append(d.parts, shape(name, attributes...))
}

func (d *drawing) svg() element {
	root := shape("svg", "xmlns", "http://www.w3.org/2000/svg", "viewBox", fmt.Sprintf("0 0 %g %g", plotWidth, plotHeight),
		"width", plotWidth, "height", plotHeight, "font-family", "Helvetica, Arial, Liberation Sans, sans-serif", "font-size", 13, "fill", "#222")
	root.Parts = d.parts
	return root
}

// An element of an SVG.
type element struct {
	XMLName    xml.Name
	Attributes []xml.Attr `xml:",any,attr"`
	Text       string     `xml:",chardata"`
	Parts      []element
}

// shape makes one; the attributes are names and values.
func shape(name string, attributes ...any) element {
	e := element{XMLName: xml.Name{Local: name}}
	for i := 0; i < len(attributes); i += 2 {
		value := fmt.Sprint(attributes[i+1])
		if number, is := attributes[i+1].(float64); is {
			value = fmt.Sprintf("%.4g", number)
		}
		e.Attributes = append(e.Attributes, xml.Attr{Name: xml.Name{Local: attributes[i].(string)}, Value: value})
	}
	return e
}
