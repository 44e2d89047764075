package transporttest

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"

	"kith"
	"kith/internal/kithtest"
)

var closeCases = []testCase{
	{name: "close/after sending", needs: stream, near: drainLate, far: sendAndClose},
	{name: "close/with messages unread", needs: stream, near: closeUnread, far: drainAfterClose},
	{name: "close/again and at once", near: closeAtOnce, far: waitForEnd},
	{name: "close/under a receive", near: closeUnderReceive, far: endWhenTold},
	{name: "close/under a send", near: closeUnderSend, far: endWhenTold},
	{name: "close/use after", near: useAfterClose, far: waitForEnd},
	{name: "close/keeps what was received", needs: stream, near: keepReceived, far: sendWhenTold},
	{name: "close/then the peer sends", near: sendToClosed, far: closeWhenTold},
	{name: "close/under the peer's send", near: blockedOnClosed, far: closeWhenTold},
	{name: "close/in full flow", needs: stream, near: closeInFlow, far: flow},
}

func sendAndClose(s *side) error {
	return steps(
		func() error { return s.sendAll(burstSizes) },
		s.conn.Close,
		func() error { return s.tell("closed") },
		func() error { return s.await("drained") },
	)
}

// drainLate receives after the other side has closed.
func drainLate(s *side) error {
	return steps(
		func() error { return s.await("closed") },
		func() error { return s.receiveAll(burstSizes) },
		func() error { return s.receiveEnd(io.EOF) },
		func() error { return s.tell("drained") },
	)
}

// closeUnread closes while there is much that it has not received: what it
// sent is delivered all the same.
func closeUnread(s *side) error {
	return steps(
		func() error { return s.sendAll(burstSizes) },
		func() error { return s.await("sent") },
		s.conn.Close,
		func() error { return s.tell("closed") },
		func() error { return s.await("drained") },
	)
}

func drainAfterClose(s *side) error {
	return steps(
		func() error { return s.sendAll(burstSizes) },
		func() error { return s.tell("sent") },
		func() error { return s.await("closed") },
		func() error { return s.receiveAll(burstSizes) },
		func() error { return s.receiveEnd(io.EOF) },
		func() error { return s.tell("drained") },
	)
}

func waitForEnd(s *side) error { return s.receiveEnd(io.EOF) }

// endWhenTold does not answer a goodbye with its own before it is told to.
func endWhenTold(s *side) error { return steps(func() error { return s.await("done") }, s.conn.Close) }

func closeAtOnce(s *side) error {
	var closing sync.WaitGroup
	var failed [8]error
	for i := range failed {
		closing.Go(func() { failed[i] = s.conn.Close() })
	}
	closing.Wait()
	return errors.Join(errors.Join(failed[:]...), s.conn.Close())
}

func closeUnderReceive(s *side) error {
	receiving := kithtest.Go(func() error { _, err := s.conn.Receive(s); return err })
	return steps(
		receiving.Parked,
		s.conn.Close,
		func() error { return failure("receive", receiving.Wait(), net.ErrClosed) },
		func() error { return s.tell("done") },
	)
}

// closeUnderSend closes under both, and does not ask how Close ended: there is
// no room for its goodbye.
func closeUnderSend(s *side) error {
	sending := kithtest.Go(func() error { return s.sendUntil([]int{10_000}) })
	receiving := kithtest.Go(func() error { _, err := s.conn.Receive(s); return err })
	return steps(
		sending.Parked,
		receiving.Parked,
		func() error { _ = s.conn.Close(); return nil },
		func() error { return failure("send", sending.Wait(), net.ErrClosed) },
		func() error { return failure("receive", receiving.Wait(), net.ErrClosed) },
		func() error { return s.tell("done") },
	)
}

func useAfterClose(s *side) error {
	if err := s.conn.Close(); err != nil {
		return err
	}
	for range 2 {
		_, err := s.conn.Receive(s)
		err = errors.Join(
			failure("receive", err, net.ErrClosed),
			failure("send", s.conn.Send(s, []byte("late")), net.ErrClosed),
			failure("close-send", s.conn.CloseSend(), net.ErrClosed),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// keepReceived reads a message after the Conn has gone.
func keepReceived(s *side) error {
	if err := s.tell("send"); err != nil {
		return err
	}
	var last []byte
	for i, size := range mixed {
		msg, err := s.conn.Receive(s)
		if err != nil {
			return err
		}
		if err := s.check(msg, i, size); err != nil {
			return err
		}
		last = msg
	}
	if err := s.conn.Close(); err != nil {
		return err
	}
	runtime.GC()
	return s.check(last, len(mixed)-1, mixed[len(mixed)-1])
}

// sendToClosed sends to one who has closed: that fails in the end, and takes
// nothing from what was received.
func sendToClosed(s *side) error {
	return steps(
		func() error { return s.tell("close") },
		func() error { return s.await("closed") },
		s.sendsEnd,
		func() error { return s.receiveAll(burstSizes) },
		func() error { return s.receiveEnd(io.EOF) },
		s.sendsEnd,
	)
}

// sendsEnd wants sending to end because the other side is gone.
func (s *side) sendsEnd() error {
	return failure("send", s.sendUntil([]int{1000}), syscall.EPIPE)
}

func closeWhenTold(s *side) error {
	return steps(
		func() error { return s.sendAll(burstSizes) },
		func() error { return s.await("close") },
		s.conn.Close,
		func() error { return s.tell("closed") },
	)
}

// blockedOnClosed has a Send that waits for room when the other side closes.
func blockedOnClosed(s *side) error {
	sending := kithtest.Go(func() error { return s.conn.Send(s, s.message(0, huge)) })
	return steps(
		sending.Parked,
		func() error { return s.tell("close") },
		func() error { return failure("send", sending.Wait(), syscall.EPIPE) },
		func() error { return s.receiveAll(burstSizes) },
		func() error { return s.receiveEnd(io.EOF) },
	)
}

// closeInFlow closes while both sides send and receive as fast as they can.
func closeInFlow(s *side) error {
	sending := kithtest.Go(func() error { return s.sendUntil(mixed) })
	for i := range 2000 {
		if err := s.receive(i, mixed[i%len(mixed)]); err != nil {
			return err
		}
	}
	_ = s.conn.Close() // the other side may have left no room for the goodbye
	return steps(
		func() error { return failure("send", sending.Wait(), net.ErrClosed) },
		func() error { return s.await("ended") },
	)
}

// flow sends and receives until the other side closes. It sees a whole prefix,
// and a goodbye, unless a message was cut off.
func flow(s *side) error {
	sending := kithtest.Go(func() error { return s.sendUntil(mixed) })
	end := s.receiveUntil(0, mixed)
	if !errors.Is(end, kith.ErrPeerDied) { // as it is where a message was cut off
		if err := failure("receive", end, io.EOF); err != nil {
			return err
		}
	}
	return steps(
		func() error { return failure("send", sending.Wait(), syscall.EPIPE) },
		func() error { return s.tell("ended") },
	)
}
