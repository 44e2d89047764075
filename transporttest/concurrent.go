package transporttest

import (
	"kith"
	"kith/internal/kithtest"
)

// In these cases a second goroutine makes a call that another is in.
var concurrentCases = []testCase{
	{name: "concurrent/receives", needs: stream, near: receiveTwice, far: sendWhenTold},
	{name: "concurrent/sends", needs: stream, near: sendTwice, far: receiveHugeWhenTold},
}

// receiveTwice: the second is refused, the first goes on.
func receiveTwice(s *side) error {
	receiving := kithtest.Go(func() error { return s.receiveAll(mixed) })
	return steps(
		receiving.Parked,
		func() error {
			_, err := s.conn.Receive(s)
			return failure("receive", err, kith.ErrConcurrent)
		},
		func() error { return s.tell("send") },
		receiving.Wait,
	)
}

func sendTwice(s *side) error {
	sending := kithtest.Go(func() error { return s.conn.Send(s, s.message(0, huge)) })
	return steps(
		sending.Parked,
		func() error { return failure("send", s.conn.Send(s, s.message(1, 1)), kith.ErrConcurrent) },
		func() error { return s.tell("receive") },
		sending.Wait,
		func() error { return s.conn.Send(s, s.message(1, 1)) },
		func() error { return s.await("received") },
	)
}

func receiveHugeWhenTold(s *side) error {
	return steps(
		func() error { return s.await("receive") },
		func() error { return s.receiveAll([]int{huge, 1}) },
		func() error { return s.tell("received") },
	)
}
