package sys

import (
	"strings"
	"testing"
)

// A name is what it was made of, whatever its bytes.
func TestUnixName(t *testing.T) {
	for _, text := range []string{
		"", "x", "@x", "/run/x", "\x00", "\x00x", "\x00\x00", "\x00a\x00b\x00", "\x00\xff", "/\xff\xfe",
		strings.Repeat("p", UnixNameMax), "\x00" + strings.Repeat("a", UnixNameMax-1),
	} {
		if name, err := NewUnixName(text); name.String() != text || err != nil {
			t.Errorf("%q, %v, want %q", name.String(), err, text)
		}
	}
	for _, text := range []string{"a\x00", "a\x00b", strings.Repeat("p", UnixNameMax+1), "\x00" + strings.Repeat("a", UnixNameMax)} {
		if name, err := NewUnixName(text); err == nil {
			t.Errorf("%q was taken, as %q", text, name.String())
		}
	}
}

// The kernel says how long a name would have been: no more is read than there is room.
func TestUnixNameOfAnyLength(t *testing.T) {
	for _, first := range []int8{0, 'p'} {
		for length := range uint32(300) {
			name := UnixName{length: length}
			name.raw.Path[0] = first
			if got := len(name.String()); got > UnixNameMax {
				t.Errorf("%d bytes of %d", got, length)
			}
		}
	}
}
