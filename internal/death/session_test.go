package death_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

// unknown is the number of a session from which nothing came yet.
const unknown = -1

// use is the survivor's part of a session. A death is its error.
func (s *storm) use(conn *kith.Conn) error {
	over := make(chan struct{})
	sending := kithtest.Go(func() error { return sendUntil(conn, over) })
	s.number = unknown
	received, last, err := s.receive(conn)
	close(over)
	sent := sending.Wait()
	s.sessions++
	switch {
	case errors.Is(err, io.EOF) && last:
		err = nil
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("a goodbye after %d messages, without the last one", received)
	case errors.Is(err, kith.ErrPeerDied):
		<-s.dead.Done()
		if s.ledger.get(session) == s.number && (received < s.ledger.get(committed) || received > s.ledger.get(committed)+1) {
			err = fmt.Errorf("%d messages came of %d", received, s.ledger.get(committed)) // which is no death
		}
	}
	if others := errors.Join(sent, conn.Close()); others != nil {
		return others
	}
	return err
}

// receive receives until the end, and counts.
func (s *storm) receive(conn *kith.Conn) (received int, last bool, err error) {
	for ; ; received++ {
		msg, err := conn.Receive(context.Background())
		if err != nil {
			return received, last, err
		}
		if last, err = s.check(msg, received); err != nil {
			return received, last, err
		}
		s.received++
		s.act()
	}
}

// check checks a message that a wild one has stamped.
func (s *storm) check(msg []byte, n int) (last bool, err error) {
	if len(msg) < 24 {
		return false, fmt.Errorf("message %d: %d bytes", n, len(msg))
	}
	got := int(binary.LittleEndian.Uint64(msg[8:]))
	if s.number == unknown {
		s.number = got // Accept has an order of its own
	}
	if s.number != got {
		return false, fmt.Errorf("message %d of session %d in session %d", n, got, s.number)
	}
	last = msg[16] == 1
	whole := slices.Clone(msg)
	copy(whole[8:24], message(n, 24)[8:])
	return last, check(whole, n, len(msg))
}

// sendUntil sends until it is over, or the peer is gone.
func sendUntil(conn *kith.Conn, over <-chan struct{}) error {
	for n := 0; ; n++ {
		select {
		case <-over:
			return conn.CloseSend()
		default:
		}
		if err := send(context.Background(), conn, n, n+1, small); err != nil {
			if errors.Is(err, unix.EPIPE) {
				return nil
			}
			return err
		}
	}
}
