package transporttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"kith"
	"kith/internal/kithtest"
)

var errCause = errors.New("the cause that the test gave")

// cut-off sends: a message so large that it cannot all be on its way.
var cutSizes = []int{10, huge}

var cancelCases = []testCase{
	{name: "cancel/receive", needs: stream, near: cancelReceive, far: sendWhenTold},
	{name: "cancel/receive in a stream", needs: stream, near: cancelReceives, far: streamInTurns},
	{name: "cancel/send before it began", needs: stream, near: cancelEarlySend, far: receiveSizes([]int{100, 50})},
	{name: "cancel/send that waits for room", needs: stream, near: cancelFullSend, far: takeTillEnd},
	{name: "cancel/small send is all or nothing", needs: []trait{ordered, lossless, boundaries}, near: cancelSmallSend, far: takeTillEnd},
	{name: "cancel/send in its message", needs: stream, near: cancelCutSend, far: receiveCut},
}

// cancelled gives the call a context that is cancelled once the call waits,
// and wants that to be why it fails.
func (s *side) cancelled(op string, call func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(s)
	defer cancel(nil)
	waiting := kithtest.Go(func() error { return call(ctx) })
	if err := waiting.Parked(); err != nil {
		return err
	}
	cancel(errCause)
	if err := failure(op, waiting.Wait(), errCause); err != nil {
		return err
	}
	return failure(op, call(ctx), errCause) // the same context again
}

// expired gives the call a deadline, and wants that to be why it fails.
func (s *side) expired(op string, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(s, 10*time.Millisecond)
	defer cancel()
	err := call(ctx)
	return failure(op, err, os.ErrDeadlineExceeded, context.DeadlineExceeded)
}

func cancelReceive(s *side) error {
	receive := func(ctx context.Context) error { _, err := s.conn.Receive(ctx); return err }
	return steps(
		func() error { return s.cancelled("receive", receive) },
		func() error { return s.expired("receive", receive) },
		func() error { return s.cancelled("receive", receive) },
		func() error { return s.tell("send") },
		func() error { return s.receiveAll(mixed) },
	)
}

func sendWhenTold(s *side) error {
	return steps(
		func() error { return s.await("send") },
		func() error { return s.sendAll(mixed) },
	)
}

// turnSizes are of messages that arrive in many pieces, and of small ones.
var turnSizes = []int{300_000, 0, 9, 70_001, 5000, 1 << 20, 64, 3}

const turnCount = 30

// cancelReceives gives up Receive at every point of a stream, over and over:
// nothing may be lost or doubled.
func cancelReceives(s *side) error {
	patience := time.Duration(0)
	for turn := range turnCount {
		for i, size := range turnSizes {
			if err := s.receiveImpatiently(&patience, turn+i, size); err != nil {
				return fmt.Errorf("turn %d: %w", turn, err)
			}
		}
		if err := s.conn.Send(s, nil); err != nil {
			return err
		}
	}
	return nil
}

// receiveImpatiently receives with contexts that end after a time of no
// meaning, another one each time.
func (s *side) receiveImpatiently(patience *time.Duration, i, size int) error {
	for {
		*patience = (*patience + 37*time.Microsecond) % (2 * time.Millisecond)
		ctx, cancel := context.WithTimeout(s, *patience)
		got, err := s.conn.Receive(ctx)
		cancel()
		if err == nil {
			return s.check(got, i, size)
		}
		if err := failure("receive", err, os.ErrDeadlineExceeded); err != nil {
			return err
		}
		if s.Err() != nil {
			return context.Cause(s)
		}
	}
}

func streamInTurns(s *side) error {
	for turn := range turnCount {
		for i, size := range turnSizes {
			if err := s.conn.Send(s, s.message(turn+i, size)); err != nil {
				return err
			}
		}
		if _, err := s.conn.Receive(s); err != nil {
			return err
		}
	}
	return nil
}

func cancelEarlySend(s *side) error {
	ctx, cancel := context.WithCancelCause(s)
	cancel(errCause)
	for i, size := range []int{100, 50} {
		err := s.conn.Send(ctx, s.message(i, size))
		if err := failure("send", err, errCause); err != nil {
			return err
		}
		if err := s.conn.Send(s, s.message(i, size)); err != nil {
			return err
		}
	}
	return steps(s.conn.CloseSend, func() error { return s.await("received") })
}

// fullSizes fill the way.
var fullSizes = []int{4000}

// cancelFullSend cancels a Send that found no room, however much of it went.
func cancelFullSend(s *side) error {
	sent, err := s.fill(fullSizes)
	if err != nil {
		return err
	}
	if err := s.tell("take"); err != nil {
		return err
	}
	return s.goOnOrBroken(sent)
}

// goOnOrBroken follows a cancelled send, before which sent messages went out. Either
// nothing of the next went, and it can be sent again, or it was cut off.
func (s *side) goOnOrBroken(sent int) error {
	err := s.conn.Send(s, s.message(sent, fullSizes[0]))
	switch {
	case errors.Is(err, kith.ErrBroken):
		return steps(s.conn.Close, func() error { return s.await(fmt.Sprint(sent, " and a death")) })
	case err != nil:
		return err
	}
	return steps(s.conn.Close, func() error { return s.await(fmt.Sprint(sent+1, " and a goodbye")) })
}

// fill sends until a Send waits, and cancels that one.
func (s *side) fill(sizes []int) (sent int, err error) {
	ctx, cancel := context.WithCancelCause(s)
	defer cancel(nil)
	sending := kithtest.Go(func() error {
		for {
			if err := s.conn.Send(ctx, s.message(sent, sizes[sent%len(sizes)])); err != nil {
				return err
			}
			sent++
		}
	})
	if err := sending.Parked(); err != nil {
		return 0, err
	}
	cancel(errCause)
	err = failure("send", sending.Wait(), errCause)
	return sent, err
}

// takeTillEnd receives when told, and tells what came and how it ended.
func takeTillEnd(s *side) error {
	if err := s.await("take"); err != nil {
		return err
	}
	count, how := 0, "a goodbye"
	for msg, err := range s.conn.Messages(s) {
		if errors.Is(err, kith.ErrPeerDied) {
			how = "a death"
			break
		}
		if err == nil {
			err = s.check(msg, count, fullSizes[0])
		}
		if err != nil {
			return err
		}
		count++
	}
	return s.tell(fmt.Sprint(count, " and ", how))
}

// cancelSmallSend: where the transport keeps messages apart, one that found no
// room has not begun.
func cancelSmallSend(s *side) error {
	sent, err := s.fill(fullSizes)
	if err != nil {
		return err
	}
	for range 3 { // nor does it ever, however often it is cancelled
		err := s.cancelled("send", func(ctx context.Context) error {
			return s.conn.Send(ctx, s.message(sent, fullSizes[0]))
		})
		if err != nil {
			return err
		}
	}
	return steps(
		func() error { return s.tell("take") },
		func() error { return s.conn.Send(s, s.message(sent, fullSizes[0])) },
		s.conn.CloseSend,
		func() error { return s.await(fmt.Sprint(sent+1, " and a goodbye")) },
	)
}

// cancelCutSend cancels a Send in the middle of its message: sending is over,
// and the other side must not take what follows for a goodbye.
func cancelCutSend(s *side) error {
	small, large := s.message(0, cutSizes[0]), s.message(1, cutSizes[1])
	return steps(
		func() error { return s.conn.Send(s, small) },
		func() error {
			return s.cancelledCut(large)
		},
		func() error { return failure("send", s.conn.Send(s, small), kith.ErrBroken) },
		func() error { return failure("send", s.conn.Send(s, nil), kith.ErrBroken) },
		func() error { return s.tell("cut") },
		func() error { return s.receive(0, 77) }, // the other direction is whole
		s.conn.Close,
		func() error { return s.await("it died") },
	)
}

func (s *side) cancelledCut(msg []byte) error {
	return s.cancelledCall(func(ctx context.Context) error { return s.conn.Send(ctx, msg) })
}

// cancelledCall cancels a call that sends, once it waits.
func (s *side) cancelledCall(send func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(s)
	defer cancel(nil)
	sending := kithtest.Go(func() error { return send(ctx) })
	if err := sending.Parked(); err != nil {
		return err
	}
	cancel(errCause)
	return failure("send", sending.Wait(), errCause)
}

func receiveCut(s *side) error {
	return steps(
		func() error { return s.await("cut") },
		func() error { return s.conn.Send(s, s.message(0, 77)) },
		func() error { return s.receive(0, cutSizes[0]) },
		func() error { return s.receiveEnd(kith.ErrPeerDied) },
		func() error { return s.tell("it died") },
	)
}
