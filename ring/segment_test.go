package ring

import (
	"testing"

	"kith/internal/sys"
	"kith/shm"
)

// A pair is both segments of a connection as its two sides see them: one sends
// from left to right, so what matters is the ring of left and the words of right.
type pair struct {
	left, right   []byte // written by their own side
	leftSeen      []byte // left as the receiver sees it: another mapping, not writable
	rightSeen     []byte // right as the sender sees it
	producer      Producer
	consumer      Consumer
	size, maxBody int
}

func newPair(t testing.TB, size int, fence bool) *pair {
	t.Helper()
	p := &pair{size: size, maxBody: MaxBody(size)}
	p.left, p.leftSeen = newSegment(t, size)
	p.right, p.rightSeen = newSegment(t, size)
	p.begin(fence)
	return p
}

// begin starts both sides anew on the same memory.
func (p *pair) begin(fence bool) {
	clear(p.left[:ControlSize+p.size])
	clear(p.right[:ControlSize+p.size])
	p.producer = NewProducer(NewSegment(p.left, p.size), NewSegment(p.rightSeen, p.size), fence)
	p.consumer = NewConsumer(NewSegment(p.right, p.size), NewSegment(p.leftSeen, p.size))
}

func newSegment(t testing.TB, size int) (own, seen []byte) {
	t.Helper()
	file, err := shm.Memfd("kith-ring-test", int64(ControlSize+size))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, view := range []struct {
		memory   *[]byte
		writable bool
	}{{&own, true}, {&seen, false}} {
		memory, err := sys.MapRing(file, ControlSize, size, view.writable)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sys.Unmap(memory) })
		*view.memory = memory
	}
	return own, seen
}
