package transporttest

import (
	"context"
	"fmt"
	"io"

	"kith"
	"kith/internal/kithtest"
)

var halfCloseCases = []testCase{
	{name: "half-close/then receive", needs: stream, near: halfClose, far: answerAfterEnd},
	{name: "half-close/both", needs: stream, near: halfCloseBoth, far: halfCloseBoth},
	{name: "half-close/ends sending", near: sendAfterEnd, far: echo},
	{name: "half-close/without room", needs: stream, near: halfCloseFull, far: takeTillEnd},
	{name: "half-close/without room, then close", needs: stream, near: closeAfterFull, far: takeTillEnd},
}

func halfClose(s *side) error {
	return steps(
		func() error { return s.sendAll(burstSizes) },
		s.conn.CloseSend,
		func() error { return s.receiveAll(mixed) },
		func() error { return s.receiveEnd(io.EOF) },
	)
}

// answerAfterEnd answers when it has heard everything.
func answerAfterEnd(s *side) error {
	return steps(
		func() error { return s.receiveAll(burstSizes) },
		func() error { return s.receiveEnd(io.EOF) },
		func() error { return s.sendAll(mixed) },
		s.conn.Close,
	)
}

func halfCloseBoth(s *side) error {
	return steps(
		func() error { return exchange(mixed)(s) },
		s.conn.CloseSend,
		func() error { return s.receiveEnd(io.EOF) },
	)
}

func sendAfterEnd(s *side) error {
	return steps(
		s.conn.CloseSend,
		s.conn.CloseSend,
		func() error { return failure("send", s.conn.Send(s, nil), kith.ErrSendClosed) },
		func() error { return failure("send", s.conn.Send(s, []byte("late")), kith.ErrSendClosed) },
		func() error { return s.receiveEnd(io.EOF) },
		func() error { return failure("send", s.conn.Send(s, nil), kith.ErrSendClosed) },
	)
}

// halfCloseFull says goodbye when there is no room for it: that waits for
// nobody, and the goodbye comes when the other side has made room.
func halfCloseFull(s *side) error {
	sent, broken, err := s.fillUp()
	if err != nil {
		return err
	}
	if broken {
		return steps(
			func() error { return failure("close-send", s.conn.CloseSend(), kith.ErrBroken) },
			func() error { return s.tell("take") },
			s.conn.Close,
			func() error { return s.await(fmt.Sprint(sent, " and a death")) },
		)
	}
	return steps(
		s.conn.CloseSend, // which returns, though nobody reads
		func() error { return failure("send", s.conn.Send(s, nil), kith.ErrSendClosed) },
		func() error { return s.tell("take") },
		func() error { return s.await(fmt.Sprint(sent, " and a goodbye")) },
	)
}

// closeAfterFull closes once the other side has begun to take.
func closeAfterFull(s *side) error {
	sent, broken, err := s.fillUp()
	if err != nil {
		return err
	}
	end := "a goodbye"
	if broken {
		end = "a death"
	} else if err := s.conn.CloseSend(); err != nil {
		return err
	}
	return steps(
		func() error { return s.tell("take") },
		s.conn.Close,
		func() error { return s.await(fmt.Sprint(sent, " and ", end)) },
	)
}

// fillUp sends until there is no room, and tells whether that has cut off a
// message: a byte stream may have taken the first bytes of it.
func (s *side) fillUp() (sent int, broken bool, err error) {
	if sent, err = s.fill(fullSizes); err != nil {
		return sent, false, err
	}
	ctx, cancel := context.WithCancelCause(s)
	defer cancel(nil)
	probing := kithtest.Go(func() error { return s.conn.Send(ctx, s.message(sent, fullSizes[0])) })
	if probing.Parked() != nil {
		return sent, true, failure("send", probing.Wait(), kith.ErrBroken)
	}
	cancel(errCause)
	return sent, false, failure("send", probing.Wait(), errCause)
}
