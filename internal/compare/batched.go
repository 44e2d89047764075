package compare

import (
	"context"

	"kith"
)

// batchSize is how many messages go at a time.
const batchSize = 16

// pourBatches is pour with SendBatch.
func pourBatches(ctx context.Context, conn *kith.Conn, cell Cell) error {
	batch := make([][]byte, batchSize)
	for i := range batch {
		batch[i] = make([]byte, cell.Size)
	}
	for number := uint64(0); number < uint64(cell.Count); {
		now := batch[:min(batchSize, cell.Count-int(number))]
		for _, payload := range now {
			fill(payload, number)
			number++
		}
		if _, err := conn.SendBatch(ctx, now); err != nil {
			return err
		}
	}
	return awaitEmpty(ctx, conn)
}

// drainBatches is drain with ReceiveBatch.
func drainBatches(ctx context.Context, conn *kith.Conn, cell Cell) error {
	batch := make([][]byte, batchSize)
	for number := uint64(0); number < uint64(cell.Count); {
		n, err := conn.ReceiveBatch(ctx, batch)
		if err != nil {
			return err
		}
		for _, message := range batch[:n] {
			if err := check(message, cell.Size, number); err != nil {
				return err
			}
			number++
		}
	}
	return conn.Send(ctx, nil)
}
