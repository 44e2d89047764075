package compare

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// WaitingOptions are what a run can be told.
type WaitingOptions struct {
	Duration time.Duration // for measuring; preparing comes on top
	Progress func(done, total int, what string)
}

// RunWaiting measures ours, as there is no twin where there is no compiler. What was
// measured is returned also when there is an error, which then is why it was cut short.
func RunWaiting(ctx context.Context, o WaitingOptions) (*Waiting, error) {
	w, err := NewWaiting()
	if err == nil {
		err = w.run(ctx, o)
	}
	w.Finish(err)
	return w, err
}

func (w *Waiting) run(ctx context.Context, o WaitingOptions) error {
	cells := WaitingCells()
	for i, cell := range cells {
		o.Progress(i, len(cells), cell.title())
		if err := w.measure(ctx, cell, o.Duration/time.Duration(len(cells))); err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
	}
	return nil
}

// measure measures one cell for so long, and at least once.
func (w *Waiting) measure(ctx context.Context, cell WaitingCell, long time.Duration) error {
	turns, err := w.StartWaiting(ctx, cell, "")
	if turns == nil {
		return err
	}
	for began := time.Now(); ; {
		if err = turns.Turn(ctx); err != nil || time.Since(began) >= long {
			break
		}
	}
	if err == nil {
		w.Figures = append(w.Figures, turns.Figure())
	}
	return errors.Join(err, turns.Close())
}
