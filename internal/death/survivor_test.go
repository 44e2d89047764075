package death_test

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

// A survivor is this side of a connection whose other side dies.
type survivor struct {
	conn     *kith.Conn
	size     int // of the victim's messages, bytes
	received int
	sent     int
	parked   *kithtest.Call // a call of ours that waits while the victim dies
}

func (s *survivor) receive(count int) error {
	ctx, cancel := bounded()
	defer cancel()
	for range count {
		if err := receive(ctx, s.conn, s.received, s.received+1, s.size); err != nil {
			return err
		}
		s.received++
	}
	return nil
}

func (s *survivor) send(count int) error {
	ctx, cancel := bounded()
	defer cancel()
	for range count {
		if err := send(ctx, s.conn, s.sent, s.sent+1, small); err != nil {
			return err
		}
		s.sent++
	}
	return nil
}

// outlive makes sure of what a survivor is promised: all the messages whose call has
// returned, at most one more, whole, and then word of the death, in every call.
func (s *survivor) outlive(o *operation, returned bool) error {
	if s.parked != nil {
		if err := s.parked.Wait(); err != nil && !isEnd(err, o) {
			return fmt.Errorf("the call that waited: %w", err)
		}
	}
	end := s.receive(o.sent + 2)
	least, most := o.sent, o.total()
	if returned {
		least = most
	}
	if s.received < least || s.received > most {
		return fmt.Errorf("%d messages came, of %d that were sent and %d that may have been; then %w", s.received, least, most, end)
	}
	if !isEnd(end, o) || returned && errors.Is(end, io.EOF) != o.closes {
		return fmt.Errorf("receive: %w", end)
	}
	if again := s.receive(1); !isEnd(again, o) {
		return fmt.Errorf("receive after %w: %w", end, again)
	}
	if err := s.send(1000); !errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("send: %w", err)
	}
	return s.conn.Close()
}

// isEnd reports whether a call was told of the victim's end.
func isEnd(err error, o *operation) bool {
	return errors.Is(err, kith.ErrPeerDied) || errors.Is(err, unix.EPIPE) || o.closes && errors.Is(err, io.EOF)
}
