package ring

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func bytesAt(base unsafe.Pointer, length int) []byte { return unsafe.Slice((*byte)(base), length) }
func addressOf(memory []byte) unsafe.Pointer         { return unsafe.Pointer(unsafe.SliceData(memory)) }

// A step is what one of the two sides does: an operation, and what it is done with.
type step struct {
	do    uint8
	size  uint16
	value uint64
}

const stepSize = 11

// mixed are the operations of both sides, in any order: the peer's change its memory
// between any two of ours.
var mixed = []func(v *victim, t testing.TB, s step){
	// the peer
	func(v *victim, _ testing.TB, s step) { v.header(v.read, s.value) },
	func(v *victim, _ testing.TB, s step) { v.header(v.read, uint64(s.size)<<56|s.value%uint64(v.limit+16)) },
	func(v *victim, _ testing.TB, s step) { v.header(v.read, uint64(Message)<<56|s.value%uint64(v.limit+1)) },
	func(v *victim, _ testing.TB, s step) { v.header(s.value, uint64(s.size)) },
	func(v *victim, _ testing.TB, s step) { v.paint(int(s.size), s.value) },
	func(v *victim, _ testing.TB, s step) { v.said.Store(s.value) },
	func(v *victim, _ testing.TB, s step) { v.said.Store(v.head + uint64(int16(s.size))) },
	func(v *victim, _ testing.TB, s step) { v.said.Store(v.tail + uint64(int16(s.size))) },
	func(v *victim, _ testing.TB, s step) { v.said.Store(v.head + (v.tail-v.head)*s.value%9/8&^7) },
	// we
	func(v *victim, t testing.TB, s step) {
		if v.lent == nil && v.staged == nil {
			v.write(t, Message+uint8(s.value%2), filled(int(s.size)%v.limit+1, byte(s.value)))
		}
	},
	func(v *victim, t testing.TB, s step) {
		if v.lent == nil && v.staged == nil {
			v.write(t, Message, filled(int(s.size)%64, byte(s.value)))
		}
	},
	func(v *victim, t testing.TB, s step) {
		if v.lent == nil {
			v.stage(t, Message, filled(int(s.size)%(v.limit+1), byte(s.value)))
		}
	},
	func(v *victim, t testing.TB, s step) {
		for n := range s.value % 20 {
			if v.lent == nil {
				v.stage(t, Message, filled(int(s.size)%40, byte(n)))
			}
		}
	},
	func(v *victim, t testing.TB, _ step) { v.publish(t) },
	func(v *victim, t testing.TB, s step) {
		if v.staged == nil {
			v.reserve(t, int(s.size)%(v.limit+1), byte(s.value))
		}
	},
	func(v *victim, t testing.TB, s step) { v.commit(t, int(s.size)%(len(v.lent)+1)) },
	func(v *victim, _ testing.TB, _ step) { v.lent = nil },
	func(v *victim, t testing.TB, _ step) { v.look(t) },
	func(v *victim, t testing.TB, _ step) { v.look(t); v.advance(t) },
	func(v *victim, t testing.TB, _ step) { v.advance(t) },
	func(v *victim, t testing.TB, _ step) { v.tell(t) },
	func(v *victim, t testing.TB, _ step) {
		if taken := v.producer.Taken(); taken != (v.said.Load() == v.tail) {
			t.Fatalf("everything is taken: %v; it says %d of %d", taken, v.said.Load(), v.tail)
		}
	},
}

// header puts a word where the peer's record of the position begins.
func (v *victim) header(position, value uint64) {
	word(v.peer, ControlSize+position&uint64(v.size-1)&^7).Store(value)
}

// paint fills some of the peer's segment with a word: control words, records, all.
func (v *victim) paint(words int, value uint64) {
	end := uint64(ControlSize + v.size)
	for at := value % end &^ 7; at < end && words > 0; at, words = at+8, words-1 {
		word(v.peer, at).Store(value)
	}
}

func filled(length int, with byte) []byte {
	body := make([]byte, length)
	for i := range body {
		body[i] = with + byte(i)
	}
	return body
}

// play runs a program of steps.
func (v *victim) play(t testing.TB, program []byte) {
	v.begin()
	for n := 0; len(program) >= stepSize; n++ {
		s := step{program[0], binary.NativeEndian.Uint16(program[1:]), binary.NativeEndian.Uint64(program[3:])}
		mixed[int(s.do)%len(mixed)](v, t, s)
		program = program[stepSize:]
		if n%16 == 0 {
			v.check(t)
		}
	}
	v.publish(t)
	v.producer.Goodbye()
	if said := word(v.own, ControlSize+v.tail&uint64(v.size-1)).Load(); said != uint64(Goodbye)<<56 {
		t.Fatalf("the goodbye at %d is %#x", v.tail, said)
	}
	v.check(t)
}

// program is one by chance.
func program(random *rand.Rand, steps int) []byte {
	all := make([]byte, 0, steps*stepSize)
	for range steps {
		all = append(all, byte(random.Uint32()))
		all = binary.NativeEndian.AppendUint16(all, uint16(random.Uint32()>>random.IntN(16)))
		all = binary.NativeEndian.AppendUint64(all, random.Uint64()>>random.IntN(64))
	}
	return all
}

// FuzzMixture does everything that a side does, in any order, while the peer's memory
// says anything at all.
func FuzzMixture(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		f.Add(program(random, 300))
	}
	v := newVictim(f, MinSize)
	f.Fuzz(func(t *testing.T, program []byte) { v.play(t, program) })
}
