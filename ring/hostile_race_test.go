package ring

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// A storm writes the peer's memory while we use it, aimed at where we are.
type storm struct {
	*victim
	at, wrote atomic.Uint64 // our consumer's position, and our producer's
	stop      atomic.Bool
}

// lengths are those at which a check may be off.
func (v *victim) lengths() []uint64 {
	limit, size := uint64(v.limit), uint64(v.size)
	return []uint64{0, 1, 7, 8, 9, limit - 8, limit - 1, limit, limit + 1, size - 16, size, size + 8, 2*size - 8, 2 * size, 1 << 31, 1 << 32, 1 << 55, lengthMask}
}

// rage writes until it is told to stop: what could be, what nearly could, and noise.
func (s *storm) rage(seed uint64) {
	random, lengths := rand.New(rand.NewPCG(seed, 3)), s.lengths()
	for !s.stop.Load() {
		position := random.Uint64()
		if random.IntN(4) > 0 {
			position = s.at.Load()
		}
		length := lengths[random.IntN(len(lengths))]
		switch random.IntN(6) {
		case 0:
			s.header(position, random.Uint64())
		case 1:
			s.header(position, random.Uint64N(5)<<56|length)
		case 2: // fine, and at once not
			s.header(position, uint64(Message)<<56|random.Uint64N(uint64(s.limit)))
			s.header(position, uint64(Message)<<56|length)
		case 3:
			s.header(position, 0)
		case 4:
			s.paint(1+random.IntN(8), uint64(Message)<<56|random.Uint64N(32))
		default:
			s.said.Store(s.wrote.Load() - random.Uint64N(uint64(s.size)+64)&^uint64(random.IntN(9)))
		}
	}
}

// While the peer writes its memory at the same time, also between two loads of one
// operation, each ends as it may, and stays within bounds.
func TestScribbledRing(t *testing.T) {
	s := &storm{victim: newVictim(t, MinSize)}
	s.begin()
	raging := sync.WaitGroup{}
	for seed := range max(1, runtime.GOMAXPROCS(0)-1) {
		raging.Go(func() { s.rage(uint64(seed)) })
	}
	random := rand.New(rand.NewPCG(4, 5))
	took, refused, wrote := 0, 0, 0
	for turn := 0; turn < 200_000 || min(took, refused, wrote) < 500 && turn < 100_000_000; turn++ {
		switch kind, body, err := s.consumer.Next(); {
		case errors.Is(err, ErrHeader) && kind == 0 && body == nil:
			refused++
		case err != nil || kind > Goodbye || len(body) > s.limit || cap(body) != len(body) || kind == More && len(body) == 0:
			t.Fatalf("took kind %d of %d bytes (capacity %d), %v", kind, len(body), cap(body), err)
		case kind == Message || kind == More:
			_ = append([]byte(nil), body...)
			s.consumer.Advance(len(body))
			took++
		}
		wrote += s.writeAny(t, random)
		s.at.Store(s.consumer.head)
		s.wrote.Store(s.producer.tail)
	}
	s.stop.Store(true)
	raging.Wait()
	t.Logf("%d records taken, %d refused, %d written", took, refused, wrote)
	if min(took, refused, wrote) < 500 {
		t.Error("there was no such storm")
	}
}

// writeAny writes a record in one of the ways, where there is room.
func (s *storm) writeAny(t *testing.T, random *rand.Rand) (written int) {
	body := s.own[:random.IntN(s.limit+1)]
	var err error
	switch random.IntN(3) {
	case 0:
		var done bool
		if done, err = s.producer.Write(Message, body); done {
			written = 1
		}
	case 1:
		var room []byte
		if room, err = s.producer.Reserve(len(body)); room != nil {
			s.producer.Commit(Message, copy(room, body))
			written = 1
		}
	default:
		for done := true; done && err == nil; {
			if done, err = s.producer.Stage(Message, body[:len(body)/8]); done {
				written++
			}
		}
		s.producer.Publish()
	}
	if err != nil && !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	if taken := s.producer.tail - s.producer.head; taken > uint64(s.size)-HeaderSize {
		t.Fatalf("%d bytes of %d are said to be not read", taken, s.size)
	}
	return written
}
