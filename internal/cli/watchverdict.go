package cli

import (
	"context"
	"errors"
	"fmt"

	"kith/proc"
)

// judge notes what an event means for the exit status.
func (w *watching) judge(event proc.Event) {
	status := exitDone
	switch event := event.(type) {
	case proc.Exited:
		if event.Status.Known() && !event.Status.Success() {
			status = exitEndedBadly
		}
	case proc.OutOfMemory:
		status = exitNoMemory
	case proc.Failed:
		status = exitNotWatched
	}
	w.worst = max(w.worst, status)
}

// verdict is kith's end when all has ended.
func (w *watching) verdict() error {
	switch {
	case w.alone():
		return w.failed(w.subjects[0].outcome)
	case w.worst != exitDone:
		return statusError{status: w.worst}
	}
	return nil
}

// alone: there was one command and nothing else.
func (w *watching) alone() bool {
	return len(w.subjects) == 1 && w.subjects[0].command != nil && len(w.targets) == 0
}

// failed gives kith's own failures a status, and leaves a command's alone.
func (w *watching) failed(err error) error {
	_, has := errors.AsType[statusError](err)
	_, is := errors.AsType[interrupted](err)
	switch {
	case err == nil || has || is:
		return err
	case errors.Is(err, errLate) || errors.Is(err, context.DeadlineExceeded): // there is no other
		return w.timeout.judge(errLate, w.late())
	}
	return statusError{exitWatchFailed, err}
}

// late is for whom the time was too short.
func (w *watching) late() string {
	var first *subject
	more := -1
	for s := range w.unended() {
		if more++; first == nil {
			first = s
		}
	}
	switch more {
	case -1:
		return "not all was told"
	case 0:
		return first.String() + " had not ended"
	}
	return fmt.Sprintf("%v and %d more had not ended", first, more)
}
