package transporttest

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"kith"
)

// In these cases a name is taken, free again, or none.
var nameCases = []testCase{
	{name: "name/in use", meets: true, near: listenInUse, far: serveTillTold},
	{name: "name/of the dead", meets: true, kills: true, near: takeOver, far: serveUntilDeath},
	{name: "name/bad address", meets: true, near: badAddresses, far: nothing},
}

// listenInUse wants the name of a living process to be refused, and him to
// notice nothing.
func listenInUse(s *side) error {
	if err := s.hearAddress(); err != nil {
		return err
	}
	for range 2 {
		err := steps(
			func() error { return failure("listen", s.tryListen(), syscall.EADDRINUSE) },
			func() error { return s.ask(s.address) },
		)
		if err != nil {
			return err
		}
	}
	return steps(
		func() error { return s.tell("stop") },
		func() error { return s.await("stopped") },
		func() error { return s.serveHere(s.address) },
	)
}

// tryListen listens in vain, or for a moment.
func (s *side) tryListen() error {
	listener, err := kith.Listen(s, s.address)
	if err != nil {
		return err
	}
	return listener.Close()
}

func serveTillTold(s *side) error {
	served, err := s.serve(s.address)
	if err != nil {
		return err
	}
	return steps(
		func() error { return s.tell(served.Addr()) },
		func() error { return s.await("stop") },
		served.stop,
		func() error { return s.tell("stopped") },
	)
}

// takeOver takes the name of a listener that was killed.
func takeOver(s *side) error {
	return steps(
		s.hearAddress,
		func() error { return s.ask(s.address) },
		s.kill,
		func() error { return s.nobody(s.address) },
		func() error { return s.serveHere(s.address) },
		func() error { return s.nobody(s.address) },
	)
}

// badAddresses wants each to be refused, by Dial and by Listen. What they
// create shows when the case has ended.
func badAddresses(s *side) error {
	scheme, _, _ := strings.Cut(s.address, ":")
	bad := []string{
		addKeys(s.address, "limit=0"),
		addKeys(s.address, "limit=1x"),
		addKeys(s.address, "limit=2g"),
		addKeys(s.address, "limit=-1"),
		addKeys(s.address, "limit=1k&limit=1k"),
		addKeys(s.address, "limit"),
		addKeys(s.address, "nosuchkey=1"),
		scheme + ":",
		scheme + ":a%zzb",
		scheme + ":a%00b",
		"nosuchscheme:" + strings.TrimPrefix(s.address, scheme+":"),
	}
	for _, address := range bad {
		if err := s.refused(address); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	return nil
}

func (s *side) refused(address string) error {
	_, dialled := kith.Dial(s, address)
	_, listened := kith.Listen(s, address)
	return errors.Join(failure("dial", dialled, kith.ErrAddress), failure("listen", listened, kith.ErrAddress))
}
