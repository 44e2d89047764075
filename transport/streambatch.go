package transport

import (
	"context"
	"encoding/binary"
	"slices"

	"kith/ring"
)

// packLimit is how many bytes of records go in one write.
const packLimit = bufferSize

// SendBatch packs messages into one write, as many as fit it.
func (s *stream) SendBatch(ctx context.Context, msgs [][]byte) (sent int, err error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.sending.Unlock()
	for sent < len(msgs) {
		n, err := s.sendSome(ctx, msgs[sent:])
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// sendSome sends the first message, and what goes in one write with it.
func (s *stream) sendSome(ctx context.Context, msgs [][]byte) (sent int, err error) {
	if packed := s.pack(msgs); packed > 1 {
		return s.writePacked(ctx, msgs[:packed])
	}
	if err := s.send(ctx, msgs[0]); err != nil {
		return 0, err
	}
	return 1, nil
}

// pack lays the records of messages behind each other.
func (s *stream) pack(msgs [][]byte) (packed int) {
	s.packed = s.packed[:0]
	for _, msg := range msgs {
		if len(msg) > s.limit || len(s.packed)+ring.HeaderSize+len(msg) > packLimit {
			break
		}
		s.packed = binary.LittleEndian.AppendUint64(s.packed, uint64(ring.Pack(ring.Message, len(msg))))
		s.packed = append(s.packed, msg...)
		packed++
	}
	return packed
}

// writePacked writes what was packed of the messages. Of those it says how many went out
// whole; one that went in part is cut off.
func (s *stream) writePacked(ctx context.Context, msgs [][]byte) (sent int, err error) {
	n, err := s.link.WriteRecord(s.packed[:ring.HeaderSize], s.packed[ring.HeaderSize:])
	for ; sent < len(msgs) && n >= ring.HeaderSize+len(msgs[sent]); sent++ {
		n -= ring.HeaderSize + len(msgs[sent])
		s.out.Message(len(msgs[sent]))
	}
	if err == nil {
		return sent, nil
	}
	return sent, s.cut(n, s.writing.Cause(ctx, err))
}

// ReceiveBatch takes what one read has brought.
func (s *stream) ReceiveBatch(ctx context.Context, msgs [][]byte) (received int, err error) {
	if err := s.beginReceive(ctx); err != nil {
		return 0, err
	}
	defer s.receiving.Unlock()
	first, err := s.receive(ctx)
	if err != nil {
		return 0, err
	}
	msgs[0] = slices.Clip(first)
	for received = 1; received < len(msgs) && s.frames.hasMessage(); received++ {
		_, msgs[received], _ = s.frames.next()
		s.in.Message(len(msgs[received]))
	}
	return received, nil
}
