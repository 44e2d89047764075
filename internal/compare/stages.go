package compare

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// grace is what a run may take beyond one and a half of its Duration, before
// the rounds that remain are left out.
const grace = 10 * time.Second

// calibrationShare is the part of the time that goes into finding out how many
// messages fill a turn.
const calibrationShare = 0.15

// start connects a pair for every subject.
func (r *run) start(ctx context.Context) error {
	r.pairs = make([]*Pair, len(r.Subjects))
	return r.each(ctx, 0, "connecting over", func(i int) (err error) {
		r.pairs[i], err = Start(ctx, r.Subjects[i], r.report.Placement, r.dir)
		return err
	})
}

// stream carries the input over every subject.
func (r *run) stream(ctx context.Context) error {
	return r.each(ctx, 0, "streaming over", func(i int) error {
		arrival, err := r.pairs[i].Stream(ctx, r.report.Input)
		if err == nil {
			r.report.Subjects[i].Stream = &arrival
			r.log.write("stream", streamLine{r.Subjects[i].Name, arrival})
		}
		return err
	})
}

// calibrate finds how many messages each subject carries in a turn, which
// warms it up too.
func (r *run) calibrate(ctx context.Context) error {
	r.counts = map[slot]int{}
	return r.cells(ctx, 0, func(s slot) error {
		r.counts[s] = 1
		for {
			result, err := r.measureOnce(ctx, s)
			if err != nil || result.Elapsed > r.turn()/5 {
				return err
			}
		}
	})
}

// measure goes round by round.
func (r *run) measure(ctx context.Context) error {
	overdue := time.Now().Add(r.Duration*3/2 + grace)
	for round := range rounds {
		if time.Now().After(overdue) {
			r.report.warn(fmt.Sprintf("%d rounds took longer than all %d should: the rest were left out", round, rounds),
				"run it again when less else runs, or give it longer: kith compare --duration 3m")
			return nil
		}
		r.report.Rounds++
		if err := r.bounce(round); err != nil {
			return err
		}
		if err := r.round(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

// bounce measures the cache line of the moment.
func (r *run) bounce(round int) error {
	ns, err := CacheLine(r.report.Placement)
	if err == nil && ns > 0 {
		r.report.CacheLine = append(r.report.CacheLine, ns)
		r.log.write("cache_line", cacheLineLine{round, ns})
	}
	return err
}

func (r *run) round(ctx context.Context, round int) error {
	return r.cells(ctx, round, func(s slot) error {
		cell := r.cell(s)
		result, err := r.measureOnce(ctx, s)
		if err != nil {
			return err
		}
		r.log.write("cell", cellLine{r.Subjects[s.subject].Name, round, cell, result})
		return r.report.Subjects[s.subject].add(cell, result)
	})
}

// measureOnce measures a slot, and sets its count for the next time.
func (r *run) measureOnce(ctx context.Context, s slot) (Result, error) {
	result, err := r.pairs[s.subject].Measure(ctx, r.cell(s))
	if err == nil {
		r.counts[s] = nextCount(r.counts[s], result.Elapsed, r.turn())
	}
	return result, err
}

func (r *run) cell(s slot) Cell {
	return Cell{Kind: s.kind, Size: s.size, Count: r.counts[s], Latencies: s.kind == RoundTrip}
}

// nextCount is how many messages fill a turn, if count took elapsed. It moves
// by a factor of ten at most, for one short measurement says little.
func nextCount(count int, elapsed, turn time.Duration) int {
	factor := float64(turn) / float64(max(elapsed, 1))
	return max(1, int(float64(count)*min(max(factor, 0.1), 10)))
}

// turn is the time for one measurement of one slot.
func (r *run) turn() time.Duration {
	slots := rounds * len(Sizes) * len(kinds) * len(r.Subjects)
	return time.Duration(float64(r.Duration) * (1 - calibrationShare) / float64(slots))
}

func (r *run) closePairs() {
	var closing sync.WaitGroup
	for _, pair := range r.pairs {
		if pair != nil {
			closing.Go(pair.Close)
		}
	}
	closing.Wait()
}
