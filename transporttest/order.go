package transporttest

import (
	"io"
	"slices"
)

// mixed are sizes as they come in life, most of them small, some larger than
// any buffer's share for one message.
var mixed = slices.Concat(
	slices.Repeat([]int{64, 1, 8, 200, 0, 1000, 24, 3, 4096, 17, 512}, 40),
	[]int{70_000, 5, 31_337, 0, 16_384, 100_003, 12},
)

var orderCases = []testCase{
	{name: "order/from far", needs: stream, near: receiveSizes(mixed), far: sendSizes(mixed)},
	{name: "order/from near", needs: stream, near: sendSizes(mixed), far: receiveSizes(mixed)},
	{name: "order/both ways at once", needs: stream, near: exchange(slices.Repeat(mixed, 4)), far: exchange(slices.Repeat(mixed, 4))},
	{name: "order/turn by turn", needs: stream, near: turns, far: echo},
}

func sendSizes(sizes []int) role {
	return func(s *side) error {
		return steps(
			func() error { return s.sendAll(sizes) },
			func() error { return s.conn.CloseSend() },
			func() error { return s.await("received") },
		)
	}
}

func receiveSizes(sizes []int) role {
	return func(s *side) error {
		return steps(
			func() error { return s.receiveAll(sizes) },
			func() error { return s.receiveEnd(io.EOF) },
			func() error { return s.tell("received") },
		)
	}
}

// exchange sends and receives at once.
func exchange(sizes []int) role {
	return func(s *side) error {
		return both(
			func() error { return s.sendAll(sizes) },
			func() error { return s.receiveAll(sizes) },
		)
	}
}

func turns(s *side) error {
	for i := range 300 {
		if err := s.askEcho(i, i%50*11); err != nil {
			return err
		}
	}
	return nil
}
