package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"kith/internal/compare"
)

// A kind is how messages go: the word of an order.
type kind string

const (
	roundTrip kind = "rtt"
	oneWay    kind = "oneway"
)

// A cell is one figure to measure.
type cell struct {
	kind kind
	size int
	name string
}

var cells = []cell{
	{roundTrip, 64, "64 B round trip"},
	{oneWay, 64, "64 B one way"},
	{oneWay, 64 << 10, "64 KiB one way"},
	{oneWay, largest, "1 MiB one way"},
}

// patience is how long an order may take, and mostMessages bounds one: a round trip's
// time is kept for each.
const (
	patience     = time.Minute
	mostMessages = 4 << 20
)

// A plan is how thoroughly to measure.
type plan struct {
	rounds int
	turn   time.Duration // for a subject's cell in a round
}

// A run measures subjects in turn.
type run struct {
	plan
	subjects []subject
	progress func(text string)
	report   report

	pairs  []*pair // by subject; nil where it failed
	counts [][]int // by subject and cell
}

// measure does it all. The report has what was measured also when there is an error.
func measure(ctx context.Context, p plan, subjects []subject, progress func(string)) (*report, error) {
	r := &run{plan: p, subjects: subjects, progress: progress, report: newReport(subjects)}
	err := r.all(ctx)
	return &r.report, err
}

func (r *run) all(ctx context.Context) (err error) {
	if r.report.Placement, err = compare.Place(); err != nil {
		return err
	}
	defer func() { r.end(ctx) }()
	if err := r.start(ctx); err != nil {
		return err
	}
	for round := range r.rounds {
		if err := r.round(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

// start starts all pairs. When they have met, nothing needs a name any more.
func (r *run) start(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "kith-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r.pairs, r.counts = make([]*pair, len(r.subjects)), make([][]int, len(r.subjects))
	for i, s := range r.subjects {
		r.progress("starting " + s.name)
		limited, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not ready within %v", patience))
		p, err := startPair(limited, s, r.report.Placement, dir)
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			r.report.Subjects[i].Error = err.Error()
			continue
		}
		r.pairs[i], r.counts[i] = p, make([]int, len(cells))
		r.report.Subjects[i].Version = p.version
	}
	return nil
}

// round measures every cell of every subject, the subjects innermost and beginning with
// another one each time: what is compared is measured side by side.
func (r *run) round(ctx context.Context, round int) error {
	line, err := compare.CacheLine(r.report.Placement)
	if err != nil {
		return err
	}
	r.report.CacheLine = append(r.report.CacheLine, line)
	for c := range cells {
		for turn := range r.subjects {
			i := (turn + round) % len(r.subjects)
			if r.pairs[i] == nil {
				continue
			}
			r.progress(fmt.Sprintf("round %d of %d: %s, %s", round+1, r.rounds, cells[c].name, r.subjects[i].name))
			ns, err := r.turnOf(ctx, i, c)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				r.drop(i, err)
				continue
			}
			f := &r.report.Subjects[i].Figures[c]
			f.Rounds = append(f.Rounds, ns)
		}
	}
	return nil
}

// turnOf measures one cell, of as many messages as its turn has time for.
func (r *run) turnOf(ctx context.Context, i, c int) (float64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %v", patience))
	defer cancel()
	for r.counts[i][c] == 0 {
		if err := r.calibrate(ctx, i, c); err != nil {
			return 0, err
		}
	}
	return r.pairs[i].do(ctx, order{cells[c].kind, cells[c].size, r.counts[i][c]})
}

// calibrate finds how many messages go in a turn, by ever more of them.
func (r *run) calibrate(ctx context.Context, i, c int) error {
	for count := 4; ; count *= 4 {
		start := time.Now()
		ns, err := r.pairs[i].do(ctx, order{cells[c].kind, cells[c].size, count})
		if err != nil {
			return err
		}
		if took := time.Since(start); took >= r.turn/5 || count >= mostMessages/4 {
			r.counts[i][c] = min(max(int(float64(r.turn)/ns), 4), mostMessages)
			return nil
		}
	}
}

// drop ends a subject that failed.
func (r *run) drop(i int, err error) {
	r.pairs[i].kill()
	r.report.Subjects[i].Error = r.pairs[i].close(err).Error()
	r.pairs[i] = nil
}

func (r *run) end(ctx context.Context) {
	for i, p := range r.pairs {
		if p == nil {
			continue
		}
		if ctx.Err() != nil {
			p.kill()
		}
		_ = p.close(nil)
		r.pairs[i] = nil
	}
}
