package transporttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
)

// Messages are cut from noise: each place in it is unlike any other, so a byte
// that is lost, doubled or torn shows. Few cases need the long one, which begins
// as the short one does.
var (
	shortNoise = makeNoise(2 << 20)
	longNoise  = sync.OnceValue(func() []byte { return makeNoise(12 << 20) })
)

func makeNoise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{'k', 'i', 't', 'h'}).Read(b)
	return b
}

// message is the i-th message of the side that sends it, whose size is size
// bytes. It is not to be written.
func (s *side) message(i, size int) []byte { return cut(s.isNear, i, size) }

func cut(near bool, i, size int) []byte {
	at := i * 7919
	if near {
		at += 1 << 19
	}
	at %= 1 << 20
	noise := shortNoise
	if at+size > len(noise) {
		noise = longNoise()
	}
	return noise[at : at+size : at+size]
}

// check compares what was received with what the other side's i-th message
// has to be.
func (s *side) check(got []byte, i, size int) error {
	want := cut(!s.isNear, i, size)
	if bytes.Equal(got, want) {
		return nil
	}
	if len(got) != len(want) {
		return fmt.Errorf("message %d has %d bytes, want %d", i, len(got), len(want))
	}
	at := 0
	for got[at] == want[at] {
		at++
	}
	return fmt.Errorf("message %d of %d bytes differs from byte %d on", i, size, at)
}

// fitting leaves out the sizes that the transport does not carry.
func (s *side) fitting(sizes []int) []int {
	var fit []int
	for _, size := range sizes {
		if size <= s.traits.MaxMessage {
			fit = append(fit, size)
		}
	}
	return fit
}

// sendAll sends a message of each size.
func (s *side) sendAll(sizes []int) error {
	for i, size := range s.fitting(sizes) {
		if err := s.conn.Send(s, s.message(i, size)); err != nil {
			return fmt.Errorf("message %d of %d bytes: %w", i, size, err)
		}
	}
	return nil
}

// receiveAll receives what the other side's sendAll of the same sizes sends.
func (s *side) receiveAll(sizes []int) error {
	for i, size := range s.fitting(sizes) {
		if err := s.receive(i, size); err != nil {
			return err
		}
	}
	return nil
}

// receive receives the other side's i-th message.
func (s *side) receive(i, size int) error {
	got, err := s.conn.Receive(s)
	if err != nil {
		return fmt.Errorf("message %d: %w", i, err)
	}
	return s.check(got, i, size)
}

// receiveEnd wants the end of the other side's stream, and again when asked again.
func (s *side) receiveEnd(end error) error {
	for range 2 {
		if _, err := s.conn.Receive(s); failure("receive", err, end) != nil {
			return failure("receive", err, end)
		}
	}
	return nil
}

// receiveUntil receives messages whose sizes come round and round, from the
// i-th on, until one is wrong or the stream ends.
func (s *side) receiveUntil(i int, sizes []int) error {
	for {
		got, err := s.conn.Receive(s)
		if err != nil {
			return err
		}
		if err := s.check(got, i, sizes[i%len(sizes)]); err != nil {
			return err
		}
		i++
	}
}

// sendUntil sends messages whose sizes come round and round, until that fails.
func (s *side) sendUntil(sizes []int) error {
	for i := 0; ; i++ {
		if err := s.conn.Send(s, s.message(i, sizes[i%len(sizes)])); err != nil {
			return err
		}
	}
}

// echo answers each message with itself, until the peer's goodbye.
func echo(s *side) error {
	for msg, err := range s.conn.Messages(s) {
		if err != nil {
			return err
		}
		if err := s.conn.Send(s, msg); err != nil {
			return err
		}
	}
	return s.conn.CloseSend()
}

// askEcho sends a message to one who echoes, and checks what comes back.
func (s *side) askEcho(i, size int) error {
	if err := s.conn.Send(s, s.message(i, size)); err != nil {
		return err
	}
	got, err := s.conn.Receive(s)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, s.message(i, size)) {
		return fmt.Errorf("message %d of %d bytes came back as %d others", i, size, len(got))
	}
	return nil
}
