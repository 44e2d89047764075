package compare

import (
	"context"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"kith"
)

// longest is the longest round trip that a histogram holds; it has three
// significant digits from a nanosecond on.
const longest = 100 * time.Second

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(longest), 3) }

// leadCell is the leader's half of a measurement. It starts when the follower
// has said, with an empty message, that it is ready.
func leadCell(ctx context.Context, conn *kith.Conn, cell Cell) (result Result, err error) {
	histogram := newHistogram()
	result.Leader, err = spent(func() error {
		if err := awaitEmpty(ctx, conn); err != nil {
			return err
		}
		start := time.Now()
		err := lead(ctx, conn, cell, histogram)
		result.Elapsed = time.Since(start)
		return err
	})
	if err == nil && cell.Latencies {
		result.Histogram, err = histogram.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	}
	return result, err
}

func lead(ctx context.Context, conn *kith.Conn, cell Cell, histogram *hdrhistogram.Histogram) error {
	switch cell.Kind {
	case RoundTrip:
		return ask(ctx, conn, cell, histogram)
	case Batched:
		return pourBatches(ctx, conn, cell)
	case InPlace:
		return makeInPlace(ctx, conn, cell, fill)
	case Passing:
		return makeInPlace(ctx, conn, cell, mark)
	case PassBack:
		return pass(ctx, conn, cell)
	}
	return pour(ctx, conn, cell)
}

// followCell is the follower's half.
func followCell(ctx context.Context, conn *kith.Conn, cell Cell) (Usage, error) {
	return spent(func() error {
		if err := conn.Send(ctx, nil); err != nil {
			return err
		}
		switch cell.Kind {
		case RoundTrip:
			return answer(ctx, conn, cell)
		case Batched:
			return drainBatches(ctx, conn, cell)
		case InPlace:
			return lookInPlace(ctx, conn, cell, check)
		case Passing:
			return lookInPlace(ctx, conn, cell, checkMark)
		case PassBack:
			return passBack(ctx, conn, cell)
		}
		return drain(ctx, conn, cell)
	})
}

// ask sends messages and takes the answer to each before the next.
func ask(ctx context.Context, conn *kith.Conn, cell Cell, histogram *hdrhistogram.Histogram) error {
	payload := make([]byte, cell.Size)
	start, last := time.Now(), time.Duration(0)
	for number := range uint64(cell.Count) {
		fill(payload, 2*number)
		if err := conn.Send(ctx, payload); err != nil {
			return err
		}
		reply, err := conn.Receive(ctx)
		if err != nil {
			return err
		}
		if err := check(reply, cell.Size, 2*number+1); err != nil {
			return err
		}
		if cell.Latencies {
			now := time.Since(start)
			_ = histogram.RecordValue(int64(min(now-last, longest)))
			last = now
		}
	}
	return nil
}

// answer answers each message with one as long and as fresh.
func answer(ctx context.Context, conn *kith.Conn, cell Cell) error {
	payload := make([]byte, cell.Size)
	for number := range uint64(cell.Count) {
		message, err := conn.Receive(ctx)
		if err != nil {
			return err
		}
		if err := check(message, cell.Size, 2*number); err != nil {
			return err
		}
		fill(payload, 2*number+1)
		if err := conn.Send(ctx, payload); err != nil {
			return err
		}
	}
	return nil
}

// pour sends messages as fast as the connection takes them, and returns when
// the last one has been received and read.
func pour(ctx context.Context, conn *kith.Conn, cell Cell) error {
	payload := make([]byte, cell.Size)
	for number := range uint64(cell.Count) {
		fill(payload, number)
		if err := conn.Send(ctx, payload); err != nil {
			return err
		}
	}
	return awaitEmpty(ctx, conn)
}

// drain takes what the other side pours, and says when it has it all.
func drain(ctx context.Context, conn *kith.Conn, cell Cell) error {
	for number := range uint64(cell.Count) {
		message, err := conn.Receive(ctx)
		if err != nil {
			return err
		}
		if err := check(message, cell.Size, number); err != nil {
			return err
		}
	}
	return conn.Send(ctx, nil)
}

func awaitEmpty(ctx context.Context, conn *kith.Conn) error {
	message, err := conn.Receive(ctx)
	if err == nil && len(message) != 0 {
		return fmt.Errorf("got a message of %d bytes where an empty one was due", len(message))
	}
	return err
}
