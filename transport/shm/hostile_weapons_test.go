package shm_test

import (
	"math/rand/v2"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/ring"
)

// A weapon is one thing that a stormer does, for a moment.
type weapon func(s *stormer, random *rand.Rand)

// gentle are those which the victim need not notice, so that it goes far.
var gentle = []weapon{
	(*stormer).bodies, (*stormer).control, (*stormer).wants, (*stormer).knocks, (*stormer).sockets,
	(*stormer).seals, (*stormer).again, (*stormer).toggle, (*stormer).crawl, (*stormer).silence,
}

// harsh are those that end a connection sooner or later.
var harsh = []weapon{
	(*stormer).headers, (*stormer).headers, (*stormer).wrongHeaders, (*stormer).consumption, (*stormer).noise,
	(*stormer).closedWants, (*stormer).hangUp, (*stormer).endless,
}

// put stores a word in the stormer's segment.
func (s *stormer) put(at int, value uint64) {
	if word, err := sys.Word64(s.own, at); err == nil {
		word.Store(value)
	}
}

// place is somewhere in its ring, more often than not where the victim reads.
func (s *stormer) place(random *rand.Rand) int {
	position := random.Uint64()
	if random.IntN(4) > 0 {
		position = s.written.Load() - 8*random.Uint64N(8)
	}
	return ring.ControlSize + int(position&uint64(s.size-1)&^7)
}

// honestly sends messages as layout.md has it, and takes what comes.
func (s *stormer) honestly(random *rand.Rand) {
	producer, consumer := ring.NewProducer(s.mine, s.other, true), ring.NewConsumer(s.mine, s.other)
	body := make([]byte, s.size)
	for turn := 0; !s.stop.Load(); turn++ {
		kind := ring.Message
		if random.IntN(8) == 0 {
			kind = ring.More
		}
		length := random.IntN(ring.MaxBody(s.size)) >> random.IntN(12)
		if written, err := producer.Write(kind, body[:length+1]); written && err == nil {
			s.written.Add(uint64(8+length+1+7) &^ 7)
			_, _ = s.front.Write([]byte{1})
		}
		for range random.IntN(8) {
			kind, body, err := consumer.Next()
			if err != nil || kind == 0 || kind == ring.Goodbye {
				break
			}
			s.consumed.Add(uint64(8+len(body)+7) &^ 7)
			consumer.Advance(len(body))
		}
		if consumer.Tell() {
			_, _ = unix.SendmsgN(int(s.back.Fd()), []byte{1}, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		}
	}
}

// bodies writes between the headers, where all may be anything.
func (s *stormer) bodies(random *rand.Rand) {
	if at := s.place(random) + 16; at < len(s.own)-8 {
		s.own[at] = byte(random.Uint32())
	}
}

// control writes what nobody reads: the magic, the size, and what lies between the words.
func (s *stormer) control(random *rand.Rand) {
	for at := 0; at < ring.ControlSize; at += 8 {
		if at != consumedAt && at != wantsDataAt && at != wantsRoomAt {
			s.put(at, random.Uint64())
		}
	}
}

func (s *stormer) wants(random *rand.Rand) {
	s.put(wantsDataAt, random.Uint64()>>random.IntN(64)&^2)
	s.put(wantsRoomAt, random.Uint64()>>random.IntN(64)&^2)
}

func (s *stormer) closedWants(random *rand.Rand) {
	s.put(wantsDataAt, random.Uint64())
	s.put(wantsRoomAt, random.Uint64())
}

// toggle makes a record come and go.
func (s *stormer) toggle(random *rand.Rand) {
	at := ring.ControlSize + int(s.written.Load()&uint64(s.size-1))
	for range random.IntN(1000) {
		s.put(at, message|8)
		s.put(at, 0)
	}
}

// crawl says of ever more that it is consumed, eight bytes at a time.
func (s *stormer) crawl(random *rand.Rand) {
	from := s.consumed.Load()
	for step := range random.Uint64N(1000) {
		s.put(consumedAt, from+8*step)
	}
}

func (s *stormer) headers(random *rand.Rand) {
	header := random.Uint64N(5)<<56 | random.Uint64N(uint64(s.size)/4+16)>>random.IntN(12)
	s.put(s.place(random), header)
}

// wrongHeaders are those that a careless check lets through.
func (s *stormer) wrongHeaders(random *rand.Rand) {
	size := uint64(s.size)
	lengths := []uint64{size/4 + 1, size / 2, size - 8, size, size + 8, 2 * size, 2*size + 1, 1 << 20, 1<<20 + 1, 1 << 31, 1 << 32, 1 << 48, 1<<55 + 5, 1<<56 - 8, 1<<56 - 1}
	at := s.place(random)
	s.put(at, message|random.Uint64N(size/4))
	s.put(at, random.Uint64N(256)<<56|lengths[random.IntN(len(lengths))])
}

// endless is a ring full of pieces that go on.
func (s *stormer) endless(random *rand.Rand) {
	header := []uint64{more | 8, more | 16, more, message, message | 8}[random.IntN(5)]
	for at := ring.ControlSize; at < ring.ControlSize+s.size; at += 8 {
		s.put(at, header)
	}
}

// consumption goes back and forth, beyond what was written, and odd.
func (s *stormer) consumption(random *rand.Rand) {
	truth := s.consumed.Load()
	values := []uint64{truth, truth + 8, truth - 8, truth + 1, truth + uint64(s.seenSize), truth - uint64(s.seenSize), 0, 1 << 63, 1<<64 - 8, random.Uint64(), random.Uint64N(1<<20) &^ 7}
	s.put(consumedAt, values[random.IntN(len(values))])
}

func (s *stormer) noise(random *rand.Rand) {
	for range 64 {
		s.put(random.IntN(len(s.own))&^7, random.Uint64())
	}
}

func (s *stormer) silence(*rand.Rand) { _, _ = unix.Poll(nil, 1) }
