package shm

import (
	"context"
	"slices"

	"kith/internal/sys"
	"kith/ring"
)

// SendBatch publishes as many messages at once as there is room for.
func (s *sender) SendBatch(ctx context.Context, msgs [][]byte) (sent int, err error) {
	if !s.gate.Enter() {
		return 0, refused(s.gate)
	}
	defer s.gate.Leave()
	for sent < len(msgs) {
		n, bytes := s.stage(msgs[sent:])
		if n == 0 { // no room, too long, or over
			n, err = 1, s.send(ctx, msgs[sent])
		} else {
			s.producer.Publish()
			if err = s.ring(); err == nil {
				s.sent.Messages(n, bytes)
			}
		}
		if err != nil {
			return sent, err
		}
		if sent += n; sent < len(msgs) {
			if err := interrupted(ctx, s.gate); err != nil {
				return sent, err
			}
		}
	}
	return sent, nil
}

// stage stages an eighth of the ring at most, so that the peer reads while we write.
func (s *sender) stage(msgs [][]byte) (staged, bytes int) {
	for _, msg := range msgs {
		if len(msg) > s.quick || s.producer.Staged() > s.record/2 {
			break
		}
		if done, _ := s.producer.Stage(ring.Message, msg); !done {
			break
		}
		staged++
		bytes += len(msg)
	}
	return staged, bytes
}

// batchMemory is what ReceiveBatch copies messages into, in bytes, where none is longer.
const batchMemory = 64 << 10

// ReceiveBatch takes all that is there. In a stream of batches it comes for the next one
// when there is none yet: it gives the sender a moment to write more than one, alone
// with the lines that it writes. That is a quarter less for each message.
func (r *receiver) ReceiveBatch(ctx context.Context, msgs [][]byte) (received int, err error) {
	if !r.gate.Enter() {
		return 0, refused(r.gate)
	}
	defer r.gate.Leave()
	if !r.partial {
		if cap(r.message) < batchMemory {
			r.message = make([]byte, batchMemory)
		}
		r.message = r.message[:0]
	}
	if received = r.takeAll(msgs); received == 0 && r.batches {
		for range moment {
			sys.Pause()
		}
		received = r.takeAll(msgs)
	}
	r.batches = received > 1
	if received > 0 {
		return received, nil
	}
	first, err := r.receive(ctx)
	if err != nil {
		return 0, err
	}
	msgs[0] = slices.Clip(first) // what follows it lies behind it
	received = 1 + r.takeAll(msgs[1:])
	r.batches = received > 1
	return received, nil
}

// moment is some 200 ns, in turns of a spin.
const moment = 4

// takeAll copies whole messages behind what r.message holds, while they fit it.
func (r *receiver) takeAll(msgs [][]byte) (taken int) {
	bytes := 0
	for taken < len(msgs) {
		kind, body, _ := r.consumer.Next()
		start, end := len(r.message), len(r.message)+len(body)
		if kind != ring.Message || len(body) > r.quick || end > cap(r.message) {
			break
		}
		r.message = append(r.message, body...)
		msgs[taken] = r.message[start:end:end]
		taken++
		bytes += len(body)
		if r.consumer.Advance(len(body)) {
			r.bell.Ring()
		}
	}
	r.received.Messages(taken, bytes)
	return taken
}
