package compare

import (
	"fmt"
	"slices"
	"time"

	"kith/poll"
)

// WaitingSchema is the version of the Waiting's JSON: it grows when a field changes
// its meaning or goes.
const WaitingSchema = 1

// A Waiting is what it costs to wait for one of many sources by select, poll and epoll:
// by package poll and, where a twin was there, by a program in C that makes the same
// calls (clients/c/waiting.c). Times are in nanoseconds.
type Waiting struct {
	Schema   int             `json:"schema"`
	Started  time.Time       `json:"started"`
	Elapsed  time.Duration   `json:"elapsed_ns"`
	Machine  Machine         `json:"machine"`
	CPU      int             `json:"measured_on_cpu"`
	Figures  []WaitingFigure `json:"figures"`
	LeftOut  []LeftOut       `json:"left_out"`
	Warnings []Warning       `json:"warnings"`
	CutShort string          `json:"cut_short,omitempty"` // why it ended early
}

// A WaitingCell is one thing to measure.
type WaitingCell struct {
	Measure WaitingMeasure `json:"measure"`
	Backend string         `json:"backend"` // select, poll, epoll, or sleep: time.Sleep
	Sources int            `json:"sources"`
}

// A WaitingFigure is the medians of its turns. Twin and Ratio are 0 where there was no
// twin; the ratio is the median of the turns' own.
type WaitingFigure struct {
	WaitingCell
	Turns int     `json:"turns"`
	Ours  float64 `json:"ours_ns"`
	Twin  float64 `json:"twin_ns,omitempty"`
	Ratio float64 `json:"ratio,omitempty"`
}

// A LeftOut is a cell that this machine, or select, has no room for.
type LeftOut struct {
	WaitingCell
	Why string `json:"why"`
}

// A WaitingMeasure is what is measured.
type WaitingMeasure string

// The measures. The first three and Register are CPU time of one thread; the others
// are time on the clock.
const (
	// Each: one source becomes ready, is waited for and read; another one each time.
	Each WaitingMeasure = "each"
	// Last is the same, always with the source that is looked at last.
	Last WaitingMeasure = "last"
	// Beside is what Each does beside waiting: a write and a read.
	Beside WaitingMeasure = "beside"
	// Register is to register one of so many sources.
	Register WaitingMeasure = "register"
	// Blocked is a wait that another thread ends, to and fro.
	Blocked WaitingMeasure = "blocked"
	// Late is by how much a deadline 300 µs away is missed.
	Late WaitingMeasure = "late"
)

// onTheClock are those whose time is not one thread's.
func (m WaitingMeasure) onTheClock() bool { return m == Blocked || m == Late }

var measures = []WaitingMeasure{Each, Last, Beside, Register, Blocked, Late}

// sleeping is no backend, but time.Sleep, and clock_nanosleep(2) in the twin.
const sleeping = "sleep"

var waitingBackends = []string{poll.Select.String(), poll.Poll.String(), poll.Epoll.String()}

var (
	manySources = []int{10, 30, 100, 300, 1_000, 3_000, 10_000}
	someSources = []int{10, 1_000}
)

// fewSources is how many are waited for where their number does not matter.
const fewSources = 10

// WaitingCells are all that is measured.
func WaitingCells() (cells []WaitingCell) {
	cells = append(cells, WaitingCell{Beside, poll.Epoll.String(), fewSources})
	for _, m := range []WaitingMeasure{Each, Last} {
		for _, n := range manySources {
			for _, backend := range waitingBackends {
				cells = append(cells, WaitingCell{m, backend, n})
			}
		}
	}
	for _, m := range []WaitingMeasure{Register, Blocked} {
		for _, n := range someSources {
			for _, backend := range waitingBackends {
				cells = append(cells, WaitingCell{m, backend, n})
			}
		}
	}
	for _, backend := range append(slices.Clone(waitingBackends), sleeping) {
		cells = append(cells, WaitingCell{Late, backend, fewSources})
	}
	return cells
}

// String is "each/epoll/1000".
func (c WaitingCell) String() string {
	return fmt.Sprintf("%s/%s/%d", c.Measure, c.Backend, c.Sources)
}

// NewWaiting is one without figures.
func NewWaiting() (*Waiting, error) {
	at, err := Place()
	w := &Waiting{
		Schema: WaitingSchema, Started: time.Now(), Machine: thisMachine(), CPU: at.Leader,
		Figures: []WaitingFigure{}, LeftOut: []LeftOut{}, Warnings: []Warning{},
	}
	w.doubt()
	return w, err
}

func (w *Waiting) doubt() {
	if m := w.Machine; len(m.CPUs) > 0 && m.Load > float64(len(m.CPUs)) {
		w.Warnings = append(w.Warnings, Warning{
			fmt.Sprintf("the load average was %.1f on %d CPUs when the run began", m.Load, len(m.CPUs)),
			"run it again when nothing else runs (top shows what does)",
		})
	}
}

// Finish notes how long it took, and why it ended early where err is not nil.
func (w *Waiting) Finish(err error) {
	w.Elapsed = time.Since(w.Started)
	if err != nil {
		w.CutShort = err.Error()
	}
}

// figure finds one.
func (w *Waiting) figure(c WaitingCell) (WaitingFigure, bool) {
	i := slices.IndexFunc(w.Figures, func(f WaitingFigure) bool { return f.WaitingCell == c })
	if i < 0 {
		return WaitingFigure{}, false
	}
	return w.Figures[i], true
}

// hasTwin reports whether there are figures of a twin.
func (w *Waiting) hasTwin() bool {
	return slices.ContainsFunc(w.Figures, func(f WaitingFigure) bool { return f.Twin > 0 })
}

// title is the cell for people.
func (c WaitingCell) title() string {
	return fmt.Sprintf("%s, %s with %d sources", c.Measure, c.Backend, c.Sources)
}
