package compare

import (
	"context"
	"errors"
	"time"

	"kith/internal/sys"
	"kith/poll"
)

// turnTime is about how long one turn of ours takes.
const turnTime = 2 * time.Millisecond

// WaitingTurns measures one cell, turn by turn, ours and the twin's.
type WaitingTurns struct {
	cell               WaitingCell
	count              int // for a turn
	ground             *waitingGround
	twin               *waitingTwin // nil: none
	ours, twins, above []float64
}

// StartWaiting makes what a cell needs; w is to say on which CPU. The caller must
// Close it. Where there is no room for the cell it is noted in w as left out, and what
// is returned is nil.
func (w *Waiting) StartWaiting(ctx context.Context, cell WaitingCell, twin string) (*WaitingTurns, error) {
	t := &WaitingTurns{cell: cell, count: 1}
	var err error
	if t.ground, err = newWaitingGround(cell, w.CPU); err == nil && twin != "" {
		t.twin, err = startWaitingTwin(twin, cell, w.CPU)
	}
	if err == nil {
		err = t.calibrate(ctx)
	}
	switch {
	case err == nil:
		return t, nil
	case sys.Exhausted(err) || errors.Is(err, poll.ErrTooHigh) || errors.Is(err, errNoRoom):
		w.LeftOut = append(w.LeftOut, LeftOut{cell, err.Error()})
		err = nil
	}
	_ = t.Close()
	return nil, err
}

// calibrate finds how often a turn is to do it.
func (t *WaitingTurns) calibrate(ctx context.Context) error {
	if t.cell.Measure == Late { // each by itself: the median is of all
		return nil
	}
	for enough := 0; enough < 2; { // once can be chance
		ns, err := t.ground.measure(ctx, t.cell.Measure, t.count)
		if err != nil {
			return err
		}
		if t.cell.Measure == Register {
			ns *= float64(t.cell.Sources)
		}
		if ns*float64(t.count) >= float64(turnTime)/2 {
			enough++
			continue
		}
		enough, t.count = 0, t.count*2
	}
	return nil
}

// Turn measures both, the other one first every other time.
func (t *WaitingTurns) Turn(ctx context.Context) error {
	var mine, theirs float64
	both := []func() (err error){
		func() (err error) { mine, err = t.ground.measure(ctx, t.cell.Measure, t.count); return err },
		func() (err error) { theirs, err = t.twin.measure(t.cell.Measure, t.count); return err },
	}
	for i := range both {
		if err := both[(i+len(t.ours))%2](); err != nil {
			return err
		}
	}
	t.ours = append(t.ours, mine)
	if t.twin != nil {
		t.twins, t.above = append(t.twins, theirs), append(t.above, mine/theirs)
	}
	return nil
}

// Figure is what the turns so far say.
func (t *WaitingTurns) Figure() WaitingFigure {
	return WaitingFigure{t.cell, len(t.ours), median(t.ours), median(t.twins), median(t.above)}
}

// Close gives everything back.
func (t *WaitingTurns) Close() error {
	t.twin.close()
	return t.ground.close()
}
