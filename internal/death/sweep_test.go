//go:build amd64

package death_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"kith/internal/stepper"
)

// A sweep kills one victim after another in the same operation, each at another point.
type sweep struct {
	t         *testing.T
	set       setting
	what      string // what is counted
	began     time.Time
	scenes    int
	missed    int // victims that came to the end first
	published int // the first count after which a message arrived that was under way
	sent      int // before
	records   int // of that message; 0: nobody counts them
}

// each plays a scene for each point, until do says that it was the last. Which is where
// an operation returns first, or all points have been played.
func (w *sweep) each(every stride, play func(s *scene, point int) (d death, last bool, err error)) {
	point, step := every.from(w.t)
	ready, stop := w.set.scenes(w.t)
	defer stop()
	w.began, w.published, w.scenes, w.missed = time.Now(), -1, 0, 0
	for s := range ready {
		d, last, err := play(s, point)
		w.scenes++
		if err != nil {
			w.t.Errorf("killed after %d %s, at %s: %v", d.count, w.what, where(d.at), err)
		}
		if d.arrived > w.sent && w.published < 0 {
			w.published = d.count
		}
		if w.records > 0 && d.stores < w.records && !d.storing && d.arrived > w.sent {
			w.t.Errorf("killed after %d %s, before it published record %d, the message came", d.count, w.what, d.stores+1)
		}
		if w.records > 0 && d.stores == w.records && d.arrived <= w.sent {
			w.t.Errorf("killed after %d %s, when it had published %d records, the message did not come", d.count, w.what, d.stores)
		}
		if d.returned {
			w.missed++
		}
		if last || err != nil {
			w.t.Logf("%d %s, %d scenes (%d behind the end) in %.1f s; published from %d on",
				d.count, w.what, w.scenes, w.missed, time.Since(w.began).Seconds(), w.published)
			return
		}
		point += step
	}
}

// instructions kills after one instruction, after two, and so on.
func (w *sweep) instructions(every stride) {
	w.what = "instructions"
	w.each(every, func(s *scene, point int) (death, bool, error) {
		d, err := s.bySteps(point)
		return d, d.returned, err
	})
}

// calls kills at the entry of the first system call, at its exit, and so on.
func (w *sweep) calls() {
	w.what = "entries and exits of system calls"
	w.each(stride{13, 1}, func(s *scene, point int) (death, bool, error) {
		count := 0
		d, err := s.run(stepper.BySyscall, nil, func(stepper.Stop) bool { count++; return count > point })
		d.count = count
		return d, d.returned, err
	})
}

// addresses kills before each instruction of kith's own that the operation comes to, where
// it comes to it first.
func (w *sweep) addresses() {
	w.what = "addresses"
	all, err := w.trace()
	if err != nil {
		w.t.Fatal(err)
	}
	every := stride{101, 1}
	_, step := every.from(w.t)
	w.each(every, func(s *scene, point int) (d death, last bool, err error) {
		if point < len(all) {
			d, err = s.run(stepper.Free, all[point:point+1], func(stepper.Stop) bool { return true })
		} else {
			s.leave()
		}
		d.count = min(point, len(all))
		return d, point+step >= len(all), err
	})
}

// trace lists the instructions of kith's own that an operation comes to. It takes seconds,
// in which the survivor may well have given up: nobody judges that.
func (w *sweep) trace() (all []uintptr, err error) {
	s, err := w.set(w.t, place(w.t), "traced")
	if err != nil {
		return nil, err
	}
	outlive := s.outlive
	s.outlive = func(returned bool) error { _ = outlive(returned); return nil }
	seen := map[uintptr]bool{}
	d, err := s.run(stepper.Instruction, nil, func(stop stepper.Stop) bool {
		if !seen[stop.At] && ours(stop.At) {
			all = append(all, stop.At)
		}
		seen[stop.At] = true
		return false
	})
	if err == nil && !d.returned {
		err = fmt.Errorf("it did not return")
	}
	return slices.Clip(all), err
}
