package compare

import (
	"slices"
	"time"

	"kith/driver"
)

// Schema is the version of the Report's JSON: it grows when a field changes
// its meaning or goes.
const Schema = 1

// A Report is what a run found. Times are in nanoseconds, sizes in bytes.
type Report struct {
	Schema    int             `json:"schema"`
	Started   time.Time       `json:"started"`
	Elapsed   time.Duration   `json:"elapsed_ns"`
	Machine   Machine         `json:"machine"`
	Placement Placement       `json:"placement"`
	Rounds    int             `json:"rounds"`
	CacheLine []float64       `json:"cache_line_ns"` // there and back, a median for each round; none on one CPU
	Stolen    float64         `json:"stolen_share"`  // of the two CPUs' time, by the hypervisor
	Input     Input           `json:"input"`
	Subjects  []SubjectReport `json:"transports"`
	Warnings  []Warning       `json:"warnings"`
	Saved     string          `json:"saved,omitempty"`
	CutShort  string          `json:"cut_short,omitempty"` // why the run ended early
}

// A SubjectReport is what was found of one transport.
type SubjectReport struct {
	Name     string   `json:"transport"`
	Error    string   `json:"error,omitempty"` // why it was not measured to the end
	Stream   *Arrival `json:"stream,omitempty"`
	Figures  []Figure `json:"figures"`
	Declares Declared `json:"declares"`
}

// Declared is what a transport says of itself: driver.Traits in JSON.
type Declared struct {
	Summary    string `json:"summary"`
	Connected  bool   `json:"connected"`
	Boundaries bool   `json:"boundaries"`
	Ordered    bool   `json:"ordered"`
	Lossless   bool   `json:"lossless"`
	MaxMessage int    `json:"max_message"`
	Reach      string `json:"reach"`
	Access     string `json:"access"`
	Survives   bool   `json:"survives"`
	Readers    int    `json:"readers"`
	Writers    int    `json:"writers"`
	NeedsLock  bool   `json:"needs_lock"`
	Races      string `json:"races"`
	Named      bool   `json:"named"`
}

func newReport(subjects []Subject) *Report {
	r := &Report{Schema: Schema, Started: time.Now(), Machine: thisMachine(), Warnings: []Warning{}, CacheLine: []float64{}}
	for _, s := range subjects {
		r.Subjects = append(r.Subjects, SubjectReport{Name: s.Name, Declares: declared(s.Traits), Figures: []Figure{}})
	}
	return r
}

func declared(t driver.Traits) Declared {
	return Declared{
		t.Summary, t.Connected, t.Boundaries, t.Ordered, t.Lossless, t.MaxMessage, t.Reach.String(),
		t.Access, t.Survives, t.Readers, t.Writers, t.NeedsLock, t.Races, t.Named,
	}
}

// Failed are the names of the transports that were not measured to the end.
func (r *Report) Failed() (names []string) {
	for _, s := range r.Subjects {
		if s.Error != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// Empty reports that nothing has been measured.
func (r *Report) Empty() bool {
	return !slices.ContainsFunc(r.Subjects, func(s SubjectReport) bool { return s.Stream != nil })
}

// finish sums up, when nothing more will be measured.
func (r *Report) finish(err error) {
	r.Elapsed = time.Since(r.Started)
	if err != nil {
		r.CutShort = err.Error()
	}
	for i := range r.Subjects {
		for j := range r.Subjects[i].Figures {
			r.Subjects[i].Figures[j].finish()
		}
	}
	r.doubt()
}

// add puts a result to its figure.
func (s *SubjectReport) add(cell Cell, result Result) error {
	i := slices.IndexFunc(s.Figures, func(f Figure) bool { return f.Kind == cell.Kind && f.Size == cell.Size })
	if i < 0 {
		i = len(s.Figures)
		s.Figures = append(s.Figures, Figure{Kind: cell.Kind, Size: cell.Size})
	}
	return s.Figures[i].add(cell, result)
}

// figure finds what was measured of a kind and size.
func (s *SubjectReport) figure(kind Kind, size int) (Figure, bool) {
	for _, f := range s.Figures {
		if f.Kind == kind && f.Size == size {
			return f, true
		}
	}
	return Figure{}, false
}
