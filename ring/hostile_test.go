package ring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// FuzzConsumer reads a ring that says anything at all. Every eight bytes of
// the headers are put where the next header is looked for; fill is the rest of the ring.
func FuzzConsumer(f *testing.F) {
	words := func(all ...Header) (b []byte) {
		for _, h := range all {
			b = binary.NativeEndian.AppendUint64(b, uint64(h))
		}
		return b
	}
	f.Add(words(Pack(Message, 5), Pack(More, 1024), Pack(Goodbye, 0)), []byte{1})
	f.Add(words(Pack(Message, 1024), Pack(Message, 1024), Pack(Message, 1024), Pack(Message, 1024), Pack(Message, 7)), []byte{})
	f.Add(words(Pack(Message, 1025)), []byte{})
	f.Add(words(Pack(Goodbye, 1)), []byte{0xff})
	f.Add(words(0), []byte("kith"))
	f.Add(bytes.Repeat(words(Pack(More, 1023)), 9), words(Pack(Message, 3)))
	p := newPair(f, 4096, false)
	f.Fuzz(func(t *testing.T, headers, fill []byte) {
		p.begin(false)
		for at := 0; len(fill) > 0 && at < p.size; {
			at += copy(p.left[ControlSize+at:ControlSize+p.size], fill)
		}
		for steps := 0; steps < 4*p.size/HeaderSize; steps++ { // a ring of tiny records never ends
			if len(headers) >= 8 {
				at := p.consumer.head & uint64(p.size-1)
				copy(p.left[ControlSize+at:], headers[:8])
				headers = headers[8:]
			}
			kind, body, err := p.consumer.Next()
			if err != nil {
				if !errors.Is(err, ErrHeader) || kind != 0 || body != nil {
					t.Fatalf("refused with %d, %d bytes, %v", kind, len(body), err)
				}
				return
			}
			if kind == 0 || kind == Goodbye {
				if len(body) != 0 {
					t.Fatalf("kind %d has a body of %d bytes", kind, len(body))
				}
				return
			}
			if kind > Goodbye || len(body) > p.maxBody || cap(body) != len(body) {
				t.Fatalf("took kind %d of %d bytes (capacity %d)", kind, len(body), cap(body))
			}
			at := p.consumer.head & uint64(p.size-1)
			if want := p.left[ControlSize+HeaderSize+at:][:len(body)]; !bytes.Equal(body, want) {
				t.Fatalf("the body at %d is not what lies there", at)
			}
			p.consumer.Advance(len(body))
			if p.consumer.head&7 != 0 || p.consumer.told > p.consumer.head || p.consumer.head-p.consumer.told >= uint64(p.size)/8 {
				t.Fatalf("at %d it has told %d", p.consumer.head, p.consumer.told)
			}
		}
	})
}

// FuzzProducer writes against a peer whose consumed word says anything at all.
// Each step is a size of a body (2 bytes) and a value (8 bytes) for the word,
// the second half of them relative to the truth.
func FuzzProducer(f *testing.F) {
	step := func(size uint16, value int64) []byte {
		return binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint16(nil, size), uint64(value))
	}
	full := bytes.Repeat(step(1000, 0), 6)
	f.Add(full)
	for _, value := range []int64{8, 7, 1008, 4032, 4096, 8192, -8, -1, 1 << 62, -1 << 63} {
		f.Add(append(bytes.Clone(full), step(1000, value)...))
		f.Add(append(bytes.Clone(full), step(0x8000|1000, value)...))
	}
	backwards := bytes.Join([][]byte{full, step(1000, 1008), step(1000, 2016), step(1000, 8), step(0, 0)}, nil)
	f.Add(backwards)
	p := newPair(f, 4096, false)
	f.Fuzz(func(t *testing.T, steps []byte) {
		p.begin(false)
		consumed := NewSegment(p.right, p.size).Consumed
		var head, tail uint64       // what is believed to be read, and what is written
		shadow := map[uint64]byte{} // every byte of the ring that is not read, by position
		for n := byte(1); len(steps) >= 10; n++ {
			size, value := binary.NativeEndian.Uint16(steps), binary.NativeEndian.Uint64(steps[2:])
			steps = steps[10:]
			if size&0x8000 != 0 {
				value += head
			}
			body := bytes.Repeat([]byte{n}, int(size&0x7fff)%(p.maxBody+1))
			consumed.Store(value)

			wantWritten, wantErr := true, error(nil)
			record := recordSize(len(body))
			if uint64(p.size)-(tail-head) < record+HeaderSize { // only then it asks
				if value-head > tail-head || value%8 != 0 {
					wantWritten, wantErr = false, ErrCorrupt
				} else {
					for ; head < value; head++ {
						delete(shadow, head)
					}
					wantWritten = uint64(p.size)-(tail-head) >= record+HeaderSize
				}
			}
			written, err := p.producer.Write(Message, body)
			if written != wantWritten || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
				t.Fatalf("%d…%d taken, told %d, wrote %d bytes: %v, %v; want %v, %v", head, tail, value, len(body), written, err, wantWritten, wantErr)
			}
			if wantErr != nil {
				return // and it stays so
			}
			if written {
				at := tail & uint64(p.size-1)
				for i, b := range p.left[ControlSize+at:][:HeaderSize+len(body)] {
					shadow[tail+uint64(i)] = b
				}
				if got := string(p.left[ControlSize+HeaderSize+at:][:len(body)]); got != string(body) {
					t.Fatal("the body written is not the body that lies there")
				}
				tail += record
			}
			if next := p.left[ControlSize+tail&uint64(p.size-1):][:HeaderSize]; binary.NativeEndian.Uint64(next) != 0 {
				t.Fatalf("the header at %d is not free", tail)
			}
			for position, want := range shadow {
				if got := p.left[ControlSize+position&uint64(p.size-1)]; got != want {
					t.Fatalf("%d…%d taken: the byte at %d was overwritten", head, tail, position)
				}
			}
		}
	})
}
