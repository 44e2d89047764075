package transporttest

import (
	"context"
	"fmt"

	"kith"
	"kith/driver"
	"kith/internal/kithtest"
)

// A side is what a role works with. Its context ends when the case hangs.
type side struct {
	context.Context

	conn    *kith.Conn // to the other side; nil in a case whose sides meet themselves
	address string     // this side's own, with its keys
	traits  driver.Traits
	other   other
	isNear  bool
}

// An other is the line to the other side, beside the connection under test.
type other interface {
	Say(line string) error
	Hear() (string, error)
}

// tell lets the other side's await of the same word return.
func (s *side) tell(word string) error { return s.other.Say(word) }

// await waits until the other side tells the word.
func (s *side) await(word string) error {
	heard, err := s.other.Hear()
	if err != nil {
		return fmt.Errorf("waiting to hear %q: %w", word, err)
	}
	if heard != word {
		return fmt.Errorf("heard %q, waiting for %q", heard, word)
	}
	return nil
}

// process is the far process, to be stopped or killed.
func (s *side) process() *kithtest.Child { return s.other.(*kithtest.Child) }

// kill ends the far process with SIGKILL.
func (s *side) kill() error {
	s.process().Kill()
	return nil
}

// steps takes each step until one fails.
func steps(each ...func() error) error {
	for i, step := range each {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// both makes two calls at once, and returns when both have, or one has failed:
// then the other may wait for what does not come, and ends with the Conn.
func both(one, two func() error) error {
	first, second := kithtest.Go(one), kithtest.Go(two)
	select {
	case <-first.Done():
	case <-second.Done():
		first, second = second, first
	}
	if err := first.Wait(); err != nil {
		return err
	}
	return second.Wait()
}
