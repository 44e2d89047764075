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
func (s *sender) Reserve(ctx context.Context, length int) ([]byte, error) {
	if !s.gate.Enter() {
		return nil, refused(s.gate)
	}
	room, err := s.reserve(ctx, length)
	if err != nil {
		s.gate.Leave()
		return nil, err
	}
	s.reserved = length
	s.gate.Lend()
	return room, nil
}

func (s *sender) reserve(ctx context.Context, length int) ([]byte, error) {
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
	for first := true; ; first = false {
		room, err := s.producer.Reserve(length)
		if room != nil {
			return room, nil
		}
		if first {
			s.full.Add(1)
		}
		if err := s.await(ctx, err); err != nil {
			return nil, err
		}
	}
}

// Commit sends that many bytes of what was reserved.
func (s *sender) Commit(_ context.Context, length int) error {
	if length < 0 || length > s.reserved || !s.gate.IsLent() {
		return unix.EINVAL
	}
	if !s.takeBack() {
		return net.ErrClosed
	}
	defer s.gate.Leave()
	if s.gate.IsShut() {
		return net.ErrClosed
	}
	s.producer.Commit(ring.Message, length)
	return s.published(ring.Message, length)
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
