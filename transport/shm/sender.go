package shm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"kith/driver"
	"kith/internal/sys"
	"kith/internal/wait"
	"kith/ring"
)

// A sender is the half of a conn that writes.
type sender struct {
	gate     *wait.Gate
	producer ring.Producer
	consumed *atomic.Uint64 // by the peer
	waiter   wait.Waiter    // for room
	bell     wait.Bell      // the peer may wait for data
	piece    int            // the longest body that is copied at once, bytes
	record   int            // the longest body of one record, bytes
	reserved int            // the body that Reserve has lent, bytes
	memory   []byte         // our own
	limit    int            // of a message, bytes
	quick    int            // the longest message that goes as one record, bytes; less than 0 once over
	inPlace  int            // the longest message that can be reserved, bytes; less than 0 once over
	over     error          // why nothing more can be sent
	sent     driver.TrafficCounter
	full     sys.Counter
}

func newSender(own, peer ring.Segment, fence bool, limit int, front, back *wait.Door) sender {
	gate := wait.NewGate()
	return sender{
		gate:     gate,
		producer: ring.NewProducer(own, peer, fence),
		consumed: peer.Consumed,
		waiter:   wait.NewWaiter(own.WantsRoom, back, gate),
		bell:     wait.NewBell(peer.WantsData, front),
		piece:    own.MaxPiece(),
		record:   own.MaxBody(),
		limit:    limit,
		quick:    min(own.MaxPiece(), limit),
		inPlace:  min(own.MaxBody(), limit),
	}
}

// Piece is the longest message that goes out whole or not at all, in bytes.
func (s *sender) Piece() int { return min(s.piece, s.limit) }

// Send does itself what nearly every message needs, which is short and finds room: each
// call costs a tenth of the whole.
func (s *sender) Send(ctx context.Context, msg []byte) error {
	if !s.gate.Enter() {
		return refused(s.gate)
	}
	var err error
	if len(msg) > s.quick {
		err = s.send(ctx, msg)
	} else if written, failed := s.producer.Write(ring.Message, msg); !written {
		err = s.waitAndPut(ctx, ring.Message, msg, failed)
	} else {
		err = s.published(ring.Message, len(msg))
	}
	s.gate.Leave()
	return err
}

func (s *sender) send(ctx context.Context, msg []byte) error {
	switch {
	case s.over != nil:
		return s.over
	case len(msg) > s.limit:
		return driver.TooLarge(len(msg), s.limit)
	case len(msg) > s.piece:
		return s.sendPieces(ctx, msg)
	}
	return s.put(ctx, ring.Message, msg)
}

// sendPieces sends a message that is too long for one record. Once the first
// piece is out, the message cannot be taken back.
func (s *sender) sendPieces(ctx context.Context, msg []byte) error {
	kind := ring.More
	for first := true; len(msg) > 0; first = false {
		piece := msg[:min(len(msg), s.piece)]
		if msg = msg[len(piece):]; len(msg) == 0 {
			kind = ring.Message
		}
		err := interrupted(ctx, s.gate)
		if err == nil {
			err = s.put(ctx, kind, piece)
		}
		if err != nil && !first && s.over == nil {
			s.end(driver.ErrBroken)
			err = fmt.Errorf("%w: %w", s.over, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// put writes one record, and waits for room as long as there is none.
func (s *sender) put(ctx context.Context, kind uint8, body []byte) error {
	written, err := s.producer.Write(kind, body)
	if !written {
		return s.waitAndPut(ctx, kind, body, err)
	}
	return s.published(kind, len(body))
}

// waitAndPut goes on after the producer found no room, or failed.
func (s *sender) waitAndPut(ctx context.Context, kind uint8, body []byte, err error) error {
	if err == nil {
		s.full.Add(1)
	}
	for {
		if err := s.await(ctx, err); err != nil {
			return err
		}
		var written bool
		if written, err = s.producer.Write(kind, body); written {
			return s.published(kind, len(body))
		}
	}
}

// published tells the peer of a record, and counts it.
func (s *sender) published(kind uint8, length int) error {
	if !s.bell.Ring() {
		if err := s.unheard(); err != nil {
			return err
		}
	}
	if kind == ring.Message {
		s.sent.Message(length)
	} else {
		s.sent.Piece(length)
	}
	return nil
}

// await waits for room, after the producer found none or failed.
func (s *sender) await(ctx context.Context, err error) error {
	if err == nil {
		err = s.waiter.Wait(ctx, s.consumed, s.producer.Seen())
	}
	if err == nil { // the peer may free a little at a time, for ever
		err = interrupted(ctx, s.gate)
	}
	if err != nil {
		return s.failed(err)
	}
	return nil
}

// ring tells the peer of a record, if it waits. Where the peer takes no more, the
// record was in vain, unless the peer had it before it went.
func (s *sender) ring() error {
	if s.bell.Ring() {
		return nil
	}
	return s.unheard()
}

func (s *sender) unheard() error {
	s.end(driver.Gone())
	if s.producer.Taken() {
		return nil
	}
	return s.over
}

// end says why nothing more can be sent.
func (s *sender) end(why error) { s.over, s.quick, s.inPlace = why, -1, -1 }

// failed keeps an error that no later Send can get over.
func (s *sender) failed(err error) error {
	switch {
	case errors.Is(err, wait.ErrShut):
		return net.ErrClosed
	case errors.Is(err, wait.ErrHangUp):
		s.end(driver.Gone())
	case errors.Is(err, ring.ErrCorrupt):
		s.end(ended(err))
	default:
		return err
	}
	return s.over
}

func (s *sender) CloseSend() error {
	if !s.gate.Enter() {
		return refused(s.gate)
	}
	defer s.gate.Leave()
	switch {
	case s.over == nil:
		s.goodbye()
		s.end(driver.ErrSendClosed)
	case errors.Is(s.over, driver.ErrBroken):
		return s.over
	}
	return nil
}

// goodbye says that nothing more comes, if it has not been said and is true.
func (s *sender) goodbye() {
	if s.over == nil {
		s.producer.Goodbye()
		s.bell.Ring()
	}
}
