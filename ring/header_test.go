package ring

import (
	"errors"
	"testing"
)

func TestHeaderKinds(t *testing.T) {
	for _, test := range []struct {
		header Header
		limit  int
		want   error
	}{
		{Pack(Message, 0), 0, nil},
		{Pack(Message, 10), 10, nil},
		{Pack(Message, 11), 10, ErrHeader},
		{Pack(More, 10), 10, nil},
		{Pack(Goodbye, 0), 10, nil},
		{Pack(Goodbye, 1), 10, ErrHeader},
		{0, 10, ErrHeader},
		{Pack(4, 0), 10, ErrHeader},
		{^Header(0), 1 << 30, ErrHeader},
		{Pack(Message, lengthMask), 1 << 30, ErrHeader},
	} {
		if _, _, err := test.header.Unpack(test.limit); !errors.Is(err, test.want) {
			t.Errorf("%#x with at most %d: %v, want %v", uint64(test.header), test.limit, err, test.want)
		}
	}
}

// Every header is refused, or is exactly the one that Pack makes of what came
// out, within the limit.
func FuzzHeader(f *testing.F) {
	for _, h := range []Header{0, 1, Pack(Message, 0), Pack(More, 64), Pack(Goodbye, 0), Pack(Goodbye, 1), Pack(9, 9), ^Header(0)} {
		f.Add(uint64(h), uint32(64))
	}
	f.Fuzz(func(t *testing.T, header uint64, limit uint32) {
		kind, length, err := Header(header).Unpack(int(limit))
		if err != nil {
			if !errors.Is(err, ErrHeader) || kind != 0 || length != 0 {
				t.Fatalf("refused with %d, %d, %v", kind, length, err)
			}
			return
		}
		if kind < Message || kind > Goodbye || length < 0 || length > int(limit) || kind == Goodbye && length != 0 {
			t.Fatalf("took kind %d of %d bytes, at most %d", kind, length, limit)
		}
		if again := Pack(kind, length); uint64(again) != header {
			t.Fatalf("%#x was read as %#x", header, uint64(again))
		}
	})
}
