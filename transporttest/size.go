package transporttest

import (
	"slices"
	"syscall"

	"kith"
)

// limit is the largest message of the cases that have one, in bytes: their
// keys say limit=64k.
const limit = 64 << 10

// huge is larger than what any kernel or ring buffers, in bytes, and odd.
const huge = 9<<20 + 5

var sizeCases = []testCase{
	{name: "size/empty", needs: stream, near: exchange(make([]int, 2000)), far: exchange(make([]int, 2000))},
	{name: "size/odd", needs: stream, near: exchange(oddSizes), far: exchange(oddSizes)},
	{name: "size/burst of small ones", needs: stream, near: afterBurst, far: burst},
	{name: "size/huge", needs: stream, near: exchange(hugeSizes), far: exchange(hugeSizes)},
	{name: "size/limit", needs: stream, keys: "limit=64k", near: atLimit(limit), far: atLimit(limit)},
	{name: "size/limit of the other side", needs: []trait{ordered, lossless, named}, keys: "limit=64k", farKeys: "limit=16k", near: atLimit(16 << 10), far: atLimit(16 << 10)},
	{name: "size/default limit", needs: stream, near: overDefault, far: echo},
}

// oddSizes lie around the words, pages, packets and quarters of rings where
// transports cut messages.
var oddSizes = slices.Concat(
	around(0, 40), around(1024, 24), around(4096, 24), around(16<<10, 9), around(64<<10, 24), around(128<<10, 9), around(256<<10, 9),
)

// hugeSizes has small ones between, which must not overtake.
var hugeSizes = []int{3, huge, 0, 1 << 20, 7, huge - 4}

func around(middle, distance int) []int {
	var sizes []int
	for size := max(0, middle-distance); size <= middle+distance; size++ {
		sizes = append(sizes, size)
	}
	return sizes
}

// burstSizes fit every buffer together, so that they lie there side by side.
var burstSizes = []int{1, 2, 0, 3, 0, 0, 5, 8, 13, 21, 34, 55, 1, 1, 0, 89}

func burst(s *side) error {
	return steps(
		func() error { return s.sendAll(burstSizes) },
		func() error { return s.tell("sent") },
		func() error { return s.await("received") },
	)
}

func afterBurst(s *side) error {
	return steps(
		func() error { return s.await("sent") },
		func() error { return s.receiveAll(burstSizes) },
		func() error { return s.tell("received") },
	)
}

// atLimit shows that the largest message goes, one byte more does not, and the
// Conn works on.
func atLimit(limit int) role {
	return func(s *side) error {
		largest := min(limit, s.traits.MaxMessage)
		return both(
			func() error {
				for i := range 3 {
					if err := s.conn.Send(s, s.message(i, largest)); err != nil {
						return err
					}
					if err := s.refuse(largest + 1); err != nil {
						return err
					}
				}
				return s.conn.Send(s, nil)
			},
			func() error { return s.receiveAll([]int{largest, largest, largest, 0}) },
		)
	}
}

// refuse wants a message of that size to be too large.
func (s *side) refuse(size int) error {
	err := s.conn.Send(s, make([]byte, size))
	return failure("send", err, kith.ErrTooLarge, syscall.EMSGSIZE)
}

func overDefault(s *side) error {
	return steps(
		func() error { return s.refuse(min(64<<20, s.traits.MaxMessage) + 1) },
		func() error { return s.askEcho(0, 10) },
	)
}
