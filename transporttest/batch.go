package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"kith"
)

// batched are sizes of messages that go in batches: of many small ones, with some among
// them that no batch has room for.
var batched = slices.Concat(slices.Repeat(mixed, 2), slices.Repeat([]int{64}, 5000), []int{300_000, 1, 70_001}, slices.Repeat([]int{3000}, 300))

var batchCases = []testCase{
	{name: "batch/sent", needs: stream, near: receiveSizes(batched), far: sendBatches},
	{name: "batch/received", needs: stream, near: receiveBatches, far: sendSizes(batched)},
	{name: "batch/both", needs: stream, near: receiveBatches, far: sendBatches},
	{name: "batch/cancelled", needs: stream, near: cancelBatch, far: takeTillEnd},
	{name: "batch/too large", needs: stream, keys: "limit=1000", near: sendTooLargeInBatch, far: receiveSizes([]int{10, 1000})},
}

// sendBatches sends all in batches of ever other lengths.
func sendBatches(s *side) error {
	var all [][]byte
	for i, size := range s.fitting(batched) {
		all = append(all, s.message(i, size))
	}
	for n := 0; len(all) > 0; n++ {
		batch := all[:min(n*n%97, len(all))]
		if sent, err := s.conn.SendBatch(s, batch); err != nil || sent != len(batch) {
			return fmt.Errorf("%d of a batch of %d were sent: %w", sent, len(batch), err)
		}
		all = all[len(batch):]
	}
	return steps(s.conn.CloseSend, func() error { return s.await("received") })
}

// receiveBatches takes batches, and looks at them when they are complete: all of one are
// valid at once.
func receiveBatches(s *side) error {
	sizes := s.fitting(batched)
	places := make([][]byte, 50)
	for i := 0; i < len(sizes); {
		n, err := s.conn.ReceiveBatch(s, places[:1+i%len(places)])
		if err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		if n < 1 || n > 1+i%len(places) {
			return fmt.Errorf("message %d: %d came where there were %d places", i, n, 1+i%len(places))
		}
		for _, msg := range places[:n] {
			if cap(msg) != len(msg) {
				return fmt.Errorf("message %d has room behind it: an append would change the next", i)
			}
			if err := s.check(msg, i, sizes[i]); err != nil {
				return err
			}
			i++
		}
	}
	if n, err := s.conn.ReceiveBatch(s, places); n != 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("behind the last message are %d, %w", n, err)
	}
	return s.tell("received")
}

// cancelBatch cancels a batch that is more than there is room for: those that it says are
// sent arrive, and where it does not say that one was cut off, the connection goes on.
func cancelBatch(s *side) error {
	var batch [][]byte
	for i := range 5000 {
		batch = append(batch, s.message(i, fullSizes[0]))
	}
	sent := 0
	err := s.cancelledCall(func(ctx context.Context) (err error) {
		sent, err = s.conn.SendBatch(ctx, batch)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.tell("take"); err != nil {
		return err
	}
	return s.goOnOrBroken(sent)
}

// sendTooLargeInBatch has what precedes a message over the limit sent, and no more.
func sendTooLargeInBatch(s *side) error {
	batch := [][]byte{s.message(0, 10), s.message(0, 1001), s.message(0, 10)}
	sent, err := s.conn.SendBatch(s, batch)
	if err := failure("send", err, kith.ErrTooLarge); err != nil || sent != 1 {
		return fmt.Errorf("%d were sent in front of one that is too large: %w", sent, err)
	}
	return steps(
		func() error { return s.conn.Send(s, s.message(1, 1000)) },
		s.conn.CloseSend,
		func() error { return s.await("received") },
	)
}
