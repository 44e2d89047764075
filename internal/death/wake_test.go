//go:build amd64

package death_test

import (
	"context"

	"kith/internal/kithtest"
	"kith/internal/stepper"
)

// wakeSleeper wakes the victim as soon as its thread sleeps, until stop. Whether that
// did any good is seen by whoever outlives the victim, which may be dead by then.
func (s *scene) wakeSleeper() (stop func()) {
	if s.wake == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	waker := kithtest.Go(func() error {
		if stepper.UntilAsleep(ctx, s.child.Cmd.Process.Pid, s.thread) {
			_ = s.wake()
		}
		return nil
	})
	return func() { cancel(); <-waker.Done() }
}
