//go:build amd64

package death_test

import (
	"strconv"
	"testing"

	"kith/internal/kithtest"
)

// A scene is a victim that is ready to act, and who survives it.
type scene struct {
	child  *kithtest.Child
	thread int // the one that acts

	during  func() error              // what the survivor does as soon as it acts; or nil
	wake    func() error              // and when it sleeps; or nil
	outlive func(returned bool) error // what the survivor is promised
	arrived func() int                // how many messages came; or nil
	dismiss func()                    // in place of outlive, for a scene that is not played

	operation *operation // of a pair
	survivor  *survivor
}

// A setting makes scenes, each with a name of its own in the directory.
type setting func(t *testing.T, directory, name string) (*scene, error)

// scenes are some that are being prepared while others are played.
func (set setting) scenes(t *testing.T) (ready <-chan *scene, stop func()) {
	prepared, stopped := make(chan *scene, 1), make(chan struct{})
	directory := place(t)
	work := kithtest.Go(func() error {
		defer close(prepared)
		for n := 0; ; n++ {
			s, err := set(t, directory, strconv.Itoa(n))
			if err != nil {
				return err
			}
			select {
			case prepared <- s:
			case <-stopped:
				s.leave()
				return nil
			}
		}
	})
	return prepared, func() {
		close(stopped)
		for s := range prepared {
			s.leave()
		}
		if err := work.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func (s *scene) leave() {
	s.child.Kill()
	s.dismiss()
}

// start starts a child with which a scene is made.
func start(t *testing.T, name string, args ...string) *kithtest.Child {
	child := kithtest.Command(t, name, args...)
	child.Cmd.Env = append(child.Cmd.Env, "GODEBUG=asyncpreemptoff=1", "GOGC=off", "GOMAXPROCS=2")
	return child.Start()
}

// ready waits until the victim says which thread of it acts.
func (s *scene) ready() error {
	heard, err := s.child.Hear()
	if err == nil {
		s.thread, err = strconv.Atoi(heard)
	}
	return err
}
