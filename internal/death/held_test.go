//go:build amd64 && !race

package death_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/stepper"
)

// A process stands still between two instructions, all threads of it. Meanwhile, calls on
// the other side end with their contexts, and in a second scene it closes. Then the
// process goes on, and nothing is lost.
func TestHeldAtAnyInstruction(t *testing.T) {
	for number, o := range operations {
		every := stride{211, 1}
		if o.long {
			every = stride{2003, 101}
		}
		for _, role := range rolesNow(number) {
			t.Run(o.name+" as "+role, func(t *testing.T) {
				before := kithtest.Hold()
				w := sweep{t: t, set: pair(number, role), what: "instructions"}
				closing := false
				w.each(every, func(s *scene, point int) (death, bool, error) {
					closing = !closing
					d, err := s.hold(point, closing)
					return d, d.count < point || d.returned, err
				})
				if err := before.Left(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// hold lets the victim stand still after so many instructions, or where it sleeps, then
// go on.
func (s *scene) hold(most int, closing bool) (d death, err error) {
	thread, err := stepper.Seize(s.child.Cmd.Process.Pid, s.thread)
	if err != nil {
		return d, err
	}
	err = errors.Join(s.child.Say("act"), thread.ToMark())
	for ; err == nil && d.count < most && !d.returned; d.count++ {
		var state stepper.State
		if state, err = thread.Step(); state == stepper.Asleep {
			break
		}
		d.returned = state == stepper.Marked
	}
	d.at = thread.At()
	live := s.endure
	if closing {
		live = s.hangUp
	}
	if err == nil {
		err = live(thread.Finish)
	}
	s.child.Kill()
	s.dismiss()
	return d, err
}

// endure lives with a peer that stands still, and then sees it end well. If it waited, it
// has what it waited for by then.
func (s *scene) endure(goOn func() error) error {
	my, o := s.survivor, s.operation
	if my.parked == nil {
		if err := errors.Join(my.timesOut(), my.isCancelled()); err != nil {
			return err
		}
	}
	if err := goOn(); err != nil {
		return err
	}
	heard, err := s.child.Hear()
	if err != nil || heard != "acted <nil>" {
		return fmt.Errorf("%q: %w", heard, err)
	}
	if err := s.child.Say("close"); err != nil {
		return err
	}
	if my.parked != nil {
		if err := my.parked.Wait(); err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, io.EOF) {
			return fmt.Errorf("the call that waited: %w", err)
		}
	}
	if end := my.receive(o.sent + 2); !errors.Is(end, io.EOF) || my.received != o.total() {
		return fmt.Errorf("%d messages came, of %d: %w", my.received, o.total(), end)
	}
	return s.child.Wait()
}

// hangUp closes while the peer stands still, and then sees it end well.
func (s *scene) hangUp(goOn func() error) error {
	closing := kithtest.Go(s.survivor.conn.Close)
	select {
	case <-closing.Done():
	case <-time.After(10 * time.Second):
		return errors.New("close waits for a peer that stands still")
	}
	if err := errors.Join(closing.Wait(), goOn()); err != nil {
		return err
	}
	if parked := s.survivor.parked; parked != nil {
		if err := parked.Wait(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
			return fmt.Errorf("the call that waited: %w", err)
		}
	}
	heard, err := s.child.Hear()
	if err != nil || !strings.HasPrefix(heard, "acted ") {
		return fmt.Errorf("%q: %w", heard, err)
	}
	return errors.Join(s.child.Say("close"), s.child.Wait())
}

// timesOut receives what is there, and then nothing, by a deadline.
func (s *survivor) timesOut() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	for {
		err := receive(ctx, s.conn, s.received, s.received+1, s.size)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.received++
	}
}

// isCancelled fills the ring until a Send waits, which is cancelled.
func (s *survivor) isCancelled() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sending := kithtest.Go(func() error { return send(ctx, s.conn, s.sent, 1000, small) })
	err := sending.Parked()
	cancel()
	if ended := sending.Wait(); !errors.Is(ended, context.Canceled) && !errors.Is(ended, unix.EPIPE) {
		return fmt.Errorf("send: %w", ended)
	} else if errors.Is(ended, unix.EPIPE) {
		return nil // it had closed
	}
	return err
}
