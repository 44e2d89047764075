//go:build amd64

package death_test

import (
	"errors"
	"runtime"
	"strconv"
	"strings"

	"kith/internal/stepper"
)

// A death is how far the victim came.
type death struct {
	count    int     // what it was killed after so many of
	returned bool    // from what it did
	stores   int     // how many records it has certainly published
	storing  bool    // whether it is about to, or just has
	at       uintptr // the instruction that it did not execute
	arrived  int     // messages
}

// bySteps kills the victim after so many instructions, or when its operation has returned.
func (s *scene) bySteps(most int) (d death, err error) {
	thread, err := stepper.Seize(s.child.Cmd.Process.Pid, s.thread)
	if err != nil {
		return d, err
	}
	err = errors.Join(s.child.Say("act"), thread.ToMark(), s.begin())
	for woken := false; err == nil && d.count < most && !d.returned; d.count++ {
		var state stepper.State
		state, err = thread.Step()
		d.returned = state == stepper.Marked
		d.follow(thread.At())
		if state == stepper.Asleep && d.count+1 < most && !woken && s.wake != nil {
			woken, err = true, s.wake()
		}
	}
	d.at = thread.At()
	return s.end(d, errors.Join(err, thread.Kill()))
}

// follow sees the thread come to the store that publishes a record, and leave it behind.
func (d *death) follow(at uintptr) {
	inside := publishes(at)
	if d.storing && !inside {
		d.stores++
	}
	d.storing = inside
}

// publishes reports whether an instruction is of ring's publish, which is one store.
func publishes(at uintptr) bool {
	frames := runtime.CallersFrames([]uintptr{at + 1}) // it is inlined
	for {
		frame, more := frames.Next()
		if frame.Function == "kith/ring.publish" || !more {
			return frame.Function == "kith/ring.publish"
		}
	}
}

// run kills the victim at the first stop that is wanted, or when its operation has
// returned.
func (s *scene) run(pace stepper.Pace, breaks []uintptr, wanted func(stepper.Stop) bool) (d death, err error) {
	process, err := stepper.SeizeAll(s.child.Cmd.Process.Pid)
	if err != nil {
		return d, err
	}
	err = errors.Join(s.child.Say("act"), process.ToMark(), s.begin())
	for _, at := range breaks {
		err = errors.Join(err, process.Break(at))
	}
	stop := s.wakeSleeper()
	if err == nil {
		err = process.Run(pace, func(stop stepper.Stop) bool {
			d.returned, d.at = stop.Marked, stop.At
			return stop.Marked || wanted(stop)
		})
	}
	err = errors.Join(err, process.Kill())
	stop()
	return s.end(d, err)
}

func (s *scene) begin() error {
	if s.during == nil {
		return nil
	}
	return s.during()
}

// end is the victim's, and then it is the survivor's turn.
func (s *scene) end(d death, err error) (death, error) {
	s.child.Kill()
	if err == nil {
		err = s.outlive(d.returned)
	} else {
		s.dismiss()
	}
	if s.arrived != nil {
		d.arrived = s.arrived()
	}
	return d, err
}

// where names an instruction: the victim runs the same program as we do.
func where(at uintptr) string {
	f := runtime.FuncForPC(at)
	if f == nil {
		return "0x" + strconv.FormatUint(uint64(at), 16)
	}
	return f.Name() + "+" + strconv.FormatUint(uint64(at-f.Entry()), 10)
}

// ours reports whether an instruction is one of kith's own, or of x/sys.
func ours(at uintptr) bool {
	name := where(at)
	for _, test := range []string{"kith/internal/death_test", "kith/internal/kithtest"} {
		if strings.HasPrefix(name, test) {
			return false
		}
	}
	return strings.HasPrefix(name, "kith") || strings.HasPrefix(name, "golang.org/x/sys")
}
