package shm

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/sys"
	"kith/ring"
)

// Reserve lends room in the ring for a message, until Commit or Discard.
func (s *sender) Reserve(ctx context.Context, length int) (room []byte, err error) {
	if !s.gate.Enter() {
		return nil, refused(s.gate)
	}
	if length >= 0 && length <= s.inPlace {
		room, err = s.producer.Reserve(length)
	}
	if room == nil {
		room, err = s.waitAndReserve(ctx, length, err)
	}
	if err != nil {
		s.gate.Leave()
		return nil, err
	}
	s.reserved = length
	s.gate.Lend()
	return room, nil
}

// waitAndReserve goes on after the producer found no room or failed, or was not asked.
func (s *sender) waitAndReserve(ctx context.Context, length int, err error) (room []byte, _ error) {
	switch {
	case s.over != nil:
		return nil, s.over
	case length < 0:
		return nil, unix.EINVAL
	case length > s.limit:
		return nil, driver.TooLarge(length, s.limit)
	case length > s.record:
		return nil, fmt.Errorf("%w: %d bytes in place, at most %d: a quarter of the ring (raise it with the key ring=)",
			driver.ErrTooLarge, length, s.record)
	}
	if err == nil {
		s.full.Add(1)
	}
	for room == nil {
		if err := s.await(ctx, err); err != nil {
			return nil, err
		}
		room, err = s.producer.Reserve(length)
	}
	return room, nil
}

// Commit sends that many bytes of what was reserved.
func (s *sender) Commit(_ context.Context, length int) error {
	if length < 0 || length > s.reserved || !s.gate.IsLent() {
		return unix.EINVAL
	}
	if !s.takeBack() {
		return net.ErrClosed
	}
	err := net.ErrClosed
	if !s.gate.IsShut() {
		s.producer.Commit(ring.Message, length)
		err = s.published(ring.Message, length)
	}
	s.gate.Leave()
	return err
}

// Discard gives back what was reserved.
func (s *sender) Discard() {
	if s.gate.IsLent() && s.takeBack() {
		s.gate.Leave()
	}
}

// takeBack unmaps what Close had to leave to us.
func (s *sender) takeBack() bool {
	if s.gate.TakeBack() {
		return true
	}
	_ = sys.Unmap(s.memory)
	return false
}
