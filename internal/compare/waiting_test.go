package compare

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kith/internal/kithtest"
)

// waitingSample is a result with a twin, as the benchmark writes it.
func waitingSample() *Waiting {
	w := &Waiting{Schema: WaitingSchema, Machine: Machine{CPU: "a <CPU> & more", CPUs: []int{0, 1}, Kernel: "Linux", Arch: "amd64", Go: "go"}}
	for _, cell := range WaitingCells() {
		if cell.Backend == "select" && cell.Sources > 1000 {
			w.LeftOut = append(w.LeftOut, LeftOut{cell, "it has no room"})
			continue
		}
		f := WaitingFigure{cell, 100, 999.9, 888.8, 1.125}
		if cell.Backend != "epoll" {
			f.Ours, f.Twin = float64(100*cell.Sources), float64(90*cell.Sources)
		}
		w.Figures = append(w.Figures, f)
	}
	return w
}

// Every cell is measured, or said to be left out, and nothing is left behind.
func TestRunWaiting(t *testing.T) {
	before := kithtest.Hold()
	seen := 0
	w, err := RunWaiting(t.Context(), WaitingOptions{time.Millisecond, func(done, total int, what string) { seen++ }})
	if err != nil {
		t.Fatal(err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	cells := WaitingCells()
	if len(w.Figures)+len(w.LeftOut) != len(cells) || seen != len(cells) || w.CutShort != "" {
		t.Errorf("%d figures, %d left out, %d told, of %d; %q", len(w.Figures), len(w.LeftOut), seen, len(cells), w.CutShort)
	}
	for _, l := range w.LeftOut {
		if l.Why == "" {
			t.Errorf("nothing says why %v was left out", l.WaitingCell)
		}
	}
	if _, found := w.figure(WaitingCell{Each, "select", 3000}); found {
		t.Error("select has waited for 3000 sources")
	}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"schema", "started", "elapsed_ns", "machine", "measured_on_cpu", "figures", "measure", "backend", "sources", "turns", "ours_ns", "left_out", "why", "warnings"} {
		if !strings.Contains(string(text), `"`+key+`":`) {
			t.Errorf("the JSON lacks %q:\n%s", key, text)
		}
	}
	back, err := ReadWaiting(strings.NewReader(string(text)))
	if err != nil || !reflect.DeepEqual(back.Figures, w.Figures) {
		t.Errorf("read back: %v, %v", err, back)
	}
}

// The other waits are for nothing that comes: a wrong answer must be an error.
func TestWaitingGroundNoticesWhatIsWrong(t *testing.T) {
	g, err := newWaitingGround(WaitingCell{Each, "poll", 3}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.close() }()
	if err := write(g.fds[1], 1); err != nil {
		t.Fatal(err)
	}
	if _, err := g.measure(t.Context(), Each, 2); err == nil {
		t.Error("another source was ready, too, and nobody noticed")
	}
	if _, err := g.measure(t.Context(), Late, 1); err == nil {
		t.Error("something came before the deadline, and nobody noticed")
	}
	if _, err := g.measure(t.Context(), "nonsense", 1); err == nil {
		t.Error("it measured nonsense")
	}
}

// What was measured before the end stays, and nothing is left behind.
func TestRunWaitingCutShort(t *testing.T) {
	for _, at := range []WaitingMeasure{Each, Blocked, Late} {
		t.Run(string(at), func(t *testing.T) {
			before := kithtest.Hold()
			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("enough")
			w, err := RunWaiting(ctx, WaitingOptions{time.Millisecond, func(_, _ int, what string) {
				if strings.HasPrefix(what, string(at)) {
					cancel(why)
				}
			}})
			if !errors.Is(err, why) || w.CutShort == "" || len(w.Figures) == 0 {
				t.Errorf("%v, cut short %q, %d figures", err, w.CutShort, len(w.Figures))
			}
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReadWaitingRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Waiting){
		"schema":     func(w *Waiting) { w.Schema++ },
		"no figures": func(w *Waiting) { w.Figures = nil },
		"twice":      func(w *Waiting) { w.Figures = append(w.Figures, w.Figures[0]) },
		"too many":   func(w *Waiting) { w.LeftOut = slices.Repeat(w.LeftOut[:1], maxWaitingFigures) },
		"no time":    func(w *Waiting) { w.Figures[3].Ours = 0 },
		"negative":   func(w *Waiting) { w.Figures[3].Twin = -1 },
		"endless":    func(w *Waiting) { w.Figures[3].Ours = math.MaxFloat64 },
		"tiny":       func(w *Waiting) { w.Figures[3].Ours = math.SmallestNonzeroFloat64 },
		"tiny twin":  func(w *Waiting) { w.Figures[3].Twin = math.SmallestNonzeroFloat64 },
		"ratio":      func(w *Waiting) { w.Figures[3].Ratio = math.MaxFloat64 },
		"backend":    func(w *Waiting) { w.Figures[3].Backend = "kqueue" },
		"measure":    func(w *Waiting) { w.Figures[3].Measure = "luck" },
		"sources":    func(w *Waiting) { w.Figures[3].Sources = 0 },
		"many":       func(w *Waiting) { w.Figures[3].Sources = math.MaxInt },
		"left out":   func(w *Waiting) { w.LeftOut[0].Backend = "kqueue" },
		"terminal":   func(w *Waiting) { w.Machine.CPU = "\x1b[2J" },
		"why":        func(w *Waiting) { w.LeftOut[0].Why = "a\nb" },
		"doubt":      func(w *Waiting) { w.Warnings = []Warning{{"\x07", ""}} },
		"long":       func(w *Waiting) { w.CutShort = strings.Repeat("x", maxWaitingFile) },
	} {
		w := waitingSample()
		spoil(w)
		text, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadWaiting(strings.NewReader(string(text))); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

// FuzzReadWaiting: what was read can be printed and drawn, whoever wrote it.
func FuzzReadWaiting(f *testing.F) {
	good, err := json.Marshal(waitingSample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good))
	f.Add(`{"schema":1,"figures":[{"measure":"each","backend":"epoll","sources":1,"ours_ns":1}]}`)
	f.Add(`{"schema":1,"figures":[{"measure":"late","backend":"sleep","sources":7,"ours_ns":1e-3,"twin_ns":1e14}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ReadWaiting(strings.NewReader(text))
		if err != nil {
			return
		}
		if err := w.Write(io.Discard, 80, false); err != nil {
			t.Error(err)
		}
		var svg strings.Builder
		if err := w.WriteSVG(&svg); err == nil {
			elements(t, svg.String())
		}
	})
}

// elements reads an SVG, which must be well-formed XML without NaN or infinity, and
// returns how many there are of each.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for in := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return counts
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		start, is := token.(xml.StartElement)
		if !is {
			continue
		}
		counts[start.Name.Local]++
		for _, a := range start.Attr {
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Fatalf("%s=%q in\n%s", a.Name.Local, a.Value, svg)
			}
		}
	}
}

// The SVG has every point, ours and the twin's, and says what it is.
func TestWriteSVG(t *testing.T) {
	w := waitingSample()
	for _, twin := range []bool{true, false} {
		var svg strings.Builder
		if err := w.WriteSVG(&svg); err != nil {
			t.Fatal(err)
		}
		points, curves := 3*len(manySources)-2, 3
		if twin {
			points, curves = 2*points, 2*curves
		}
		got := elements(t, svg.String())
		if got["svg"] != 1 || got["circle"] != points || got["title"] != points || got["polyline"] != curves {
			t.Errorf("%v, want %d points on %d curves in\n%s", got, points, curves, svg.String())
		}
		for _, want := range []string{"10,000", "1 ms", "kith, poll of 3,000 sources: 300 µs", "a &lt;CPU&gt; &amp; more"} {
			if !strings.Contains(svg.String(), want) {
				t.Errorf("%q is not in\n%s", want, svg.String())
			}
		}
		if hollow := strings.Count(svg.String(), `fill="white" stroke=`); hollow != got["circle"]-(3*len(manySources)-2) {
			t.Errorf("%d points are drawn as the twin's", hollow)
		}
		if said := strings.Contains(svg.String(), "the same system calls"); said != twin {
			t.Errorf("C is told of: %v, want %v", said, twin)
		}
		for i := range w.Figures {
			w.Figures[i].Twin, w.Figures[i].Ratio = 0, 0
		}
	}
	if err := (&Waiting{}).WriteSVG(io.Discard); err == nil {
		t.Error("nothing was drawn without an error")
	}
}

func TestWriteWaiting(t *testing.T) {
	for _, width := range []int{62, 80, 140} {
		var page strings.Builder
		if err := waitingSample().Write(&page, width, false); err != nil {
			t.Fatal(err)
		}
		text := page.String()
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns on a page of %d: %s", n, width, line)
			}
		}
		if strings.Contains(text, "\x1b") || strings.Contains(text, "≈") {
			t.Errorf("colour, or something cut:\n%s", text)
		}
		if !inOrder(text, "┤", "10,000", "ONE READY", "to C", "of 10,000", "THE LAST ONE", "register one of 1,000", "late by", "left out: select of 3,000, select of 10,000: it has no room") {
			t.Errorf("something lacks:\n%s", text)
		}
	}
}
