package transporttest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"kith/internal/kithtest"
)

// endless is more than any transport may take while nobody reads: 32 MiB.
var endless = slices.Repeat([]int{16<<10 - 8}, 2048)

var pressureCases = []testCase{
	{name: "pressure/one way", needs: stream, near: press, far: readWhenTold},
	{name: "pressure/small messages", needs: stream, near: pressSmall, far: drainWhenTold},
	{name: "pressure/both ways", needs: stream, near: pressBoth, far: pressBoth},
}

// press sends until it has to wait, and goes on when the other side reads.
func press(s *side) error {
	sending := kithtest.Go(func() error { return s.sendAll(endless) })
	return steps(
		sending.Parked,
		func() error { return s.tell("read") },
		sending.Wait,
		func() error { return s.await("all came") },
	)
}

func readWhenTold(s *side) error {
	return steps(
		func() error { return s.await("read") },
		func() error { return s.receiveAll(endless) },
		func() error { return s.tell("all came") },
	)
}

// pressBoth has each side wait for the other to read, and both read then.
func pressBoth(s *side) error {
	sending := kithtest.Go(func() error { return s.sendAll(endless) })
	return steps(
		sending.Parked,
		func() error { return s.tell("I wait") },
		func() error { return s.await("I wait") },
		func() error { return s.receiveAll(endless) },
		sending.Wait,
	)
}

// pressSmall fills the way with single bytes, which no buffer may take for ever.
func pressSmall(s *side) error {
	var sent atomic.Int64
	stop := make(chan struct{})
	sending := kithtest.Go(func() error {
		for i := range 8 << 20 {
			select {
			case <-stop:
				return s.conn.CloseSend()
			default:
			}
			if err := s.conn.Send(s, s.message(i, 1)); err != nil {
				return err
			}
			sent.Add(1)
		}
		return errors.New("8 Mi messages were taken while nobody read")
	})
	return steps(
		sending.Parked,
		func() error { close(stop); return s.tell("read") },
		sending.Wait,
		func() error { return s.await(fmt.Sprint(sent.Load(), " came")) },
	)
}

// drainWhenTold receives single bytes until the goodbye, and tells how many.
func drainWhenTold(s *side) error {
	if err := s.await("read"); err != nil {
		return err
	}
	count := 0
	for msg, err := range s.conn.Messages(s) {
		if err == nil {
			err = s.check(msg, count, 1)
		}
		if err != nil {
			return err
		}
		count++
	}
	return s.tell(fmt.Sprint(count, " came"))
}
