package transporttest

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"kith"
	"kith/driver"
	"kith/internal/kithtest"
)

// In these cases far dies: what it had sent is received, whole messages alone,
// and then near is told so.
var deathCases = []testCase{
	{name: "death/at rest", kills: true, needs: stream, near: outlive, far: sendAndRest},
	{name: "death/by exit", kills: true, needs: stream, near: outliveExit, far: sendAndExit},
	{name: "death/under a receive", kills: true, near: outliveInReceive, far: rest},
	{name: "death/under a send", kills: true, needs: stream, near: outliveInSend, far: sendAndRest},
	{name: "death/before a send", kills: true, needs: stream, near: outliveThenSend, far: sendAndRest},
	{name: "death/after its goodbye", kills: true, needs: stream, near: outliveGoodbye, far: sayGoodbyeAndRest},
	{name: "death/in its first messages", kills: true, needs: stream, near: outliveFlow(1), far: endlessFlow},
	{name: "death/in its flow", kills: true, needs: stream, near: outliveFlow(500), far: endlessFlow},
	{name: "death/late in its flow", kills: true, needs: stream, near: outliveFlow(5000), far: endlessFlow},
	{name: "death/in a huge message", kills: true, needs: stream, near: outliveHuge, far: sendHuge},
	{name: "death/in flow both ways", kills: true, needs: stream, near: outliveBothWays, far: endlessExchange},
	{name: "death/as it receives", kills: true, needs: stream, near: outliveReceiver, far: receiveEndlessly},
}

// rest does nothing until death.
func rest(s *side) error {
	if err := s.tell("resting"); err != nil {
		return err
	}
	return s.await("death") // which no one tells
}

func sendAndRest(s *side) error {
	return steps(
		func() error { return s.sendAll(burstSizes) },
		func() error { return rest(s) },
	)
}

// killResting kills far once it rests.
func (s *side) killResting() error {
	if err := s.await("resting"); err != nil {
		return err
	}
	return s.kill()
}

// outlived receives all that sendAndRest sent, and then hears of the death.
func (s *side) outlived() error {
	return steps(
		func() error { return s.receiveAll(burstSizes) },
		func() error { return s.receiveEnd(kith.ErrPeerDied) },
		s.sendsEnd,
		func() error { return s.receiveEnd(kith.ErrPeerDied) },
	)
}

// outlivedAsSender is outlived for one who went on sending. Over a network, what
// still lay in the kernel of the dead one is lost then: it answers our bytes
// with a reset. Whole messages come all the same, up to where it was.
func (s *side) outlivedAsSender() error {
	if s.traits.Reach < driver.Network {
		return s.outlived()
	}
	return failure("receive", s.receiveUntil(0, burstSizes), kith.ErrPeerDied)
}

func outlive(s *side) error { return steps(s.killResting, s.outlived) }

func sendAndExit(s *side) error {
	if err := s.sendAll(burstSizes); err != nil {
		return err
	}
	os.Exit(0) // without Close
	return nil
}

func outliveExit(s *side) error {
	return steps(
		s.process().Wait,
		s.outlived,
	)
}

func outliveInReceive(s *side) error {
	receiving := kithtest.Go(func() error { _, err := s.conn.Receive(s); return err })
	return steps(
		func() error { return s.await("resting") },
		receiving.Parked,
		s.kill,
		func() error { return failure("receive", receiving.Wait(), kith.ErrPeerDied) },
		func() error { return s.receiveEnd(kith.ErrPeerDied) },
	)
}

func outliveInSend(s *side) error {
	sending := kithtest.Go(func() error { return s.conn.Send(s, s.message(0, huge)) })
	return steps(
		sending.Parked,
		s.killResting,
		func() error { return failure("send", sending.Wait(), syscall.EPIPE) },
		s.outlivedAsSender,
	)
}

func outliveThenSend(s *side) error {
	return steps(s.killResting, s.sendsEnd, s.outlivedAsSender)
}

func sayGoodbyeAndRest(s *side) error {
	return steps(
		func() error { return s.sendAll(burstSizes) },
		s.conn.CloseSend,
		func() error { return rest(s) },
	)
}

// outliveGoodbye: what far had to say was said, so its stream has a good end.
func outliveGoodbye(s *side) error {
	return steps(
		s.killResting,
		func() error { return s.receiveAll(burstSizes) },
		func() error { return s.receiveEnd(io.EOF) },
		s.sendsEnd,
	)
}

func endlessFlow(s *side) error { return s.sendUntil(mixed) }

// outliveFlow kills far in the middle of its flow, when some have come.
func outliveFlow(received int) role {
	return func(s *side) error {
		for i := range received {
			if err := s.receive(i, mixed[i%len(mixed)]); err != nil {
				return err
			}
		}
		return steps(
			s.kill,
			func() error { return failure("receive", s.receiveUntil(received, mixed), kith.ErrPeerDied) },
			func() error { return s.receiveEnd(kith.ErrPeerDied) },
		)
	}
}

// sendHuge sends a message that cannot all be on its way before near receives,
// which near does not.
func sendHuge(s *side) error {
	if err := s.conn.Send(s, s.message(0, 10)); err != nil {
		return err
	}
	sending := kithtest.Go(func() error { return s.conn.Send(s, s.message(1, huge)) })
	return steps(
		sending.Parked,
		func() error { return rest(s) },
	)
}

func outliveHuge(s *side) error {
	return steps(
		s.killResting,
		func() error { return s.receive(0, 10) },
		func() error { return s.receiveEnd(kith.ErrPeerDied) },
	)
}

func endlessExchange(s *side) error {
	return both(
		func() error { return s.sendUntil(mixed) },
		func() error { return s.receiveUntil(0, mixed) },
	)
}

func outliveBothWays(s *side) error {
	sending := kithtest.Go(func() error { return s.sendUntil(mixed) })
	return steps(
		func() error { return outliveFlow(1000)(s) },
		func() error { return failure("send", sending.Wait(), syscall.EPIPE) },
	)
}

// receiveEndlessly answers now and then, so that near knows of the flow.
func receiveEndlessly(s *side) error {
	for i := 0; ; i++ {
		if err := s.receive(i, mixed[i%len(mixed)]); err != nil {
			return fmt.Errorf("killed too late: %w", err)
		}
		if i == 1000 {
			if err := s.tell("receiving"); err != nil {
				return err
			}
		}
	}
}

func outliveReceiver(s *side) error {
	sending := kithtest.Go(func() error { return s.sendUntil(mixed) })
	return steps(
		func() error { return s.await("receiving") },
		s.kill,
		func() error { return failure("send", sending.Wait(), syscall.EPIPE) },
		func() error { return s.receiveEnd(kith.ErrPeerDied) },
	)
}
