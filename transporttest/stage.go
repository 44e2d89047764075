package transporttest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kith/driver"
	"kith/internal/kithtest"
)

// hangTime is how long a case may take before it is a hang. Only a failure
// takes so long.
const hangTime = 30 * time.Second

// play plays one case, then looks for what near has left behind.
func play(t *testing.T, m mode, c testCase, address string) {
	before := kithtest.Hold(directoryOf(t, address)...)
	ctx, cancel := context.WithTimeoutCause(t.Context(), hangTime, errors.New("the case hangs"))
	defer cancel()
	s := &stage{t: t, mode: m, testCase: c, ctx: ctx, address: address}
	playing := kithtest.Go(s.near)
	select {
	case <-playing.Done():
		if err := playing.Wait(); err != nil {
			t.Error(err)
		}
	case <-time.After(hangTime + 5*time.Second):
		s.hung()
	}
	settled(t, before)
}

// settled fails a test that leaves something behind. One that has failed
// already may.
func settled(t *testing.T, before *kithtest.Holdings) {
	if t.Failed() {
		return
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// A stage is what one case is played on.
type stage struct {
	testCase

	t       *testing.T
	mode    mode
	ctx     context.Context
	address string

	far      other
	finished func() error // waits for far's end
}

// near plays near's part, and returns when far has played its own.
func (s *stage) near() error {
	near := &side{Context: s.ctx, address: addKeys(s.address, s.keys), traits: traitsOf(s.t, s.address), isNear: true}
	err := s.join(near)
	if err == nil {
		err = s.testCase.near(near)
	}
	err = endRole(near, err)
	if err != nil {
		err = fmt.Errorf("near: %w", err)
	}
	if s.finished == nil {
		return err
	}
	if err != nil {
		s.hurry()
	}
	return errors.Join(err, s.finished())
}

func (s *stage) join(near *side) (err error) {
	if s.mode.join == nil {
		near.other, err = s.start("", nil)
		return err
	}
	near.conn, near.other, err = s.mode.join(s.ctx, near.address, s.start)
	return err
}

// start starts far, as a process or as a goroutine.
func (s *stage) start(listening string, launch func(*kithtest.Child) error) (other, error) {
	address := s.address
	if listening != "" {
		address = renamed(address, listening)
	}
	if s.mode.processes {
		return s.startProcess(address, launch)
	}
	here, there := newTalk()
	far := kithtest.Go(func() error {
		defer there.end()
		return playFar(s.ctx, s.mode, s.testCase, address, there)
	})
	s.finished = func() error { here.end(); return far.Wait() }
	return here, nil
}

func (s *stage) startProcess(address string, launch func(*kithtest.Child) error) (other, error) {
	child := kithtest.Command(s.t, childName, s.mode.name, s.name, address)
	s.far = child
	s.finished = func() error { return s.endOf(child) }
	if launch != nil {
		return child, launch(child)
	}
	return child, child.Cmd.Start()
}

// endOf is how the far process ended, which may have been killed by the case.
func (s *stage) endOf(child *kithtest.Child) error {
	err := child.Wait()
	if err != nil && !child.Killed() {
		return fmt.Errorf("far: %w (its log is below)", err)
	}
	return nil
}

// hurry ends a far process that near's failure leaves without a partner.
func (s *stage) hurry() {
	if child, ok := s.far.(*kithtest.Child); ok && child.Cmd.Process != nil {
		select {
		case <-child.Ended():
		case <-time.After(time.Second): // it may have a reason of its own to tell
			child.Quit()
		}
	}
}

// hung fails a case that does not even heed its context, with all the stacks.
func (s *stage) hung() {
	var stacks strings.Builder
	for _, stack := range kithtest.Goroutines() {
		fmt.Fprintf(&stacks, "%s\n\n", stack)
	}
	if child, ok := s.far.(*kithtest.Child); ok && child.Cmd.Process != nil {
		child.Quit()
	}
	s.t.Fatalf("a call ignores its context:\n%s", stacks.String())
}

// directoryOf is where the address puts files.
func directoryOf(t *testing.T, address string) []string {
	a, err := driver.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(a.Name) {
		return nil
	}
	return []string{filepath.Dir(a.Name)}
}
