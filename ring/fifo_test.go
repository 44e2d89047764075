package ring

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// A model is what a pair should do, in plain numbers and slices.
type model struct {
	*pair
	waiting    [][]byte // written, not read
	staged     [][]byte // not published
	tail, head int      // bytes of all records written, and read
	told       int      // what the sender can know of head
	bytes      rand.PCG
}

func (m *model) write(t *rapid.T) {
	m.publish(t)
	body := m.body(t)
	record := (8 + len(body) + 7) / 8 * 8
	room := m.size-(m.tail-m.told) >= record+HeaderSize
	written, err := m.producer.Write(Message, body)
	if err != nil || written != room {
		t.Fatalf("write of %d bytes with %d of %d taken: %v, %v", len(body), m.tail-m.told, m.size, written, err)
	}
	if !written {
		if seen := m.producer.Seen(); seen != uint64(m.told) {
			t.Fatalf("no room, seen with the peer at %d; it said %d", seen, m.told)
		}
		return
	}
	m.tail += record
	m.waiting = append(m.waiting, body)
}

// stage stages a record, of which read knows nothing yet.
func (m *model) stage(t *rapid.T) {
	body := m.body(t)
	record := (8 + len(body) + 7) / 8 * 8
	room := m.size-(m.tail-m.told) >= record+HeaderSize
	staged, err := m.producer.Stage(Message, body)
	if err != nil || staged != room {
		t.Fatalf("staging %d bytes with %d of %d taken: %v, %v", len(body), m.tail-m.told, m.size, staged, err)
	}
	if staged {
		m.tail += record
		m.staged = append(m.staged, body)
	}
}

func (m *model) publish(*rapid.T) {
	m.producer.Publish()
	m.waiting, m.staged = append(m.waiting, m.staged...), nil
}

func (m *model) body(t *rapid.T) []byte {
	body := make([]byte, rapid.OneOf(rapid.IntRange(0, 24), rapid.IntRange(0, m.maxBody), rapid.IntRange(m.maxBody-9, m.maxBody)).Draw(t, "size"))
	for i := range body {
		body[i] = byte(m.bytes.Uint64())
	}
	return body
}

func (m *model) read(t *rapid.T) {
	kind, body, err := m.consumer.Next()
	if len(m.waiting) == 0 {
		if kind != 0 || body != nil || err != nil || m.consumer.Word().Load() != 0 {
			t.Fatalf("read %d %q, %v out of nothing", kind, body, err)
		}
		return
	}
	want := m.waiting[0]
	if kind != Message || err != nil || !bytes.Equal(body, want) || cap(body) != len(body) {
		t.Fatalf("read kind %d of %d bytes (capacity %d), %v; want a message of %d", kind, len(body), cap(body), err, len(want))
	}
	m.waiting = m.waiting[1:]
	m.head += (8 + len(want) + 7) / 8 * 8
	due := m.head-m.told >= m.size/8
	if told := m.consumer.Advance(len(want)); told != due {
		t.Fatalf("told: %v, with %d of %d read since", told, m.head-m.told, m.size)
	}
	if due {
		m.told = m.head
	}
}

func (m *model) tell(t *rapid.T) {
	if news := m.consumer.Tell(); news != (m.head != m.told) {
		t.Fatalf("telling %d after %d was news: %v", m.head, m.told, news)
	}
	m.told = m.head
}

// check is what holds after every step: the sender never counts more as free
// than was told, and what was told is what was read.
func (m *model) check(t *rapid.T) {
	if said := NewSegment(m.rightSeen, m.size).Consumed.Load(); said != uint64(m.told) {
		t.Fatalf("the peer sees %d as consumed, want %d", said, m.told)
	}
}

// TestFIFO is a random walk of writes and reads over rings of every size. At
// its end there is room for a goodbye, however full the ring is, and everything
// comes out in front of it.
func TestFIFO(t *testing.T) {
	pairs := map[int]*pair{}
	for size := 4096; size <= 64<<10; size *= 2 {
		pairs[size] = newPair(t, size, false)
	}
	rapid.Check(t, func(t *rapid.T) {
		size := 4096 << rapid.IntRange(0, 4).Draw(t, "doublings")
		m := &model{pair: pairs[size]}
		m.begin(rapid.Bool().Draw(t, "fence"))
		t.Repeat(map[string]func(*rapid.T){
			"write": m.write, "write again": m.write, "read": m.read, "tell": m.tell, "": m.check,
			"stage": m.stage, "stage again": m.stage, "publish": m.publish,
		})
		m.publish(t)
		m.producer.Goodbye()
		for len(m.waiting) > 0 {
			m.read(t)
		}
		if kind, body, err := m.consumer.Next(); kind != Goodbye || len(body) != 0 || err != nil {
			t.Fatalf("at the end there is %d %q, %v, not a goodbye", kind, body, err)
		}
	})
}

// Records of one size, for every size that makes its own pattern of wraps,
// many times around a full ring.
func TestEveryWrap(t *testing.T) {
	p := newPair(t, 4096, false)
	for size := 0; size <= p.maxBody; size++ {
		p.begin(false)
		body := bytes.Repeat([]byte{byte(size) | 1}, size)
		written, read := 0, 0
		for read < 3*p.size/int(recordSize(size)) {
			for {
				if len(body) > 0 {
					body[0], body[size-1] = byte(written), byte(written)
				}
				done, err := p.producer.Write(Message, body)
				if err != nil {
					t.Fatal(err)
				}
				if !done {
					break
				}
				written++
			}
			for ; read < written; read++ {
				kind, got, err := p.consumer.Next()
				if len(body) > 0 {
					body[0], body[size-1] = byte(read), byte(read)
				}
				if kind != Message || err != nil || !bytes.Equal(got, body) {
					t.Fatalf("record %d of %d bytes came as kind %d of %d bytes, %v", read, size, kind, len(got), err)
				}
				p.consumer.Advance(len(got))
			}
			p.consumer.Tell()
		}
	}
}

// A producer can tell whether all was taken.
func TestTaken(t *testing.T) {
	p := newPair(t, 4096, false)
	p.begin(false)
	if written, err := p.producer.Write(Message, []byte("one")); !written || err != nil {
		t.Fatal(written, err)
	}
	_, body, err := p.consumer.Next()
	if err != nil || p.producer.Taken() {
		t.Fatalf("%v; taken before it was: %v", err, p.producer.Taken())
	}
	p.consumer.Advance(len(body))
	p.consumer.Tell()
	if !p.producer.Taken() {
		t.Error("what was taken is not")
	}
}
