package compare

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Sizes are the message sizes that are measured, in bytes.
var Sizes = []int{64, 4 << 10, 64 << 10, 1 << 20}

var kinds = []Kind{RoundTrip, OneWay}

// rounds is how often each figure is measured.
const rounds = 5

// Options are what a run can be told.
type Options struct {
	Subjects []Subject
	Input    string        // a file; "-" for Stdin, "" for made data
	Stdin    io.Reader     // what "-" means
	Duration time.Duration // for measuring; starting and streaming come on top
	Save     string        // a file for each result as it comes; "" for the user's cache
	// Progress is told what is about to be measured, and how much is done.
	Progress func(done, total int, what string)
}

// Run measures. The report holds what was measured also when there is an
// error, which then is why the run was cut short; a subject that fails does
// not end the run: see Report.Failed.
func Run(ctx context.Context, o Options) (*Report, error) {
	r := &run{Options: o, report: newReport(o.Subjects)}
	err := r.all(ctx)
	r.report.finish(err)
	return r.report, err
}

// A run is one call of Run.
type run struct {
	Options
	report *Report
	dir    string // private, and removed in the end
	log    *log
	pairs  []*Pair // by subject; nil when it has failed
	counts map[slot]int
	done   int
}

// A slot is one of the things to measure, of one subject.
type slot struct {
	subject int
	kind    Kind
	size    int
}

func (r *run) all(ctx context.Context) (err error) {
	if r.report.Placement, err = Place(); err != nil {
		return err
	}
	dir, err := makeDirectory()
	if err != nil {
		return err
	}
	defer dir.remove()
	r.dir = dir.path
	r.Progress(0, r.steps(), "reading the input")
	if r.report.Input, err = prepareInput(ctx, r.Input, r.Stdin, r.dir); err != nil {
		return err
	}
	if r.report.Input.Bytes == 0 {
		return fmt.Errorf("%s is empty: there is nothing to measure", r.report.Input.Source)
	}
	if r.log, err = openLog(r.Save, r.report); err != nil {
		return err
	}
	defer func() { err = r.log.close(err) }()
	r.log.write("run", r.report)
	return r.stages(ctx)
}

// stages does one thing after the other, each with all subjects.
func (r *run) stages(ctx context.Context) error {
	defer r.closePairs()
	before := stolen(r.report.Placement)
	for _, stage := range []func(context.Context) error{r.start, r.stream, r.calibrate, r.measure} {
		if err := stage(ctx); err != nil {
			return err
		}
	}
	r.report.Stolen = before.until(stolen(r.report.Placement))
	return nil
}
