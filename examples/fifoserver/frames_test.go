package main

import (
	"slices"
	"strings"
	"testing"

	"kith/fifo"
)

// Whatever the pieces, the records are the same, and what is kept of a long one is not
// long.
func TestFrames(t *testing.T) {
	endless := strings.Repeat("x", 100_000)
	stream := "a one\n\na two\n" + endless + "\nb three\nhalf"
	want := []string{"a one", "", "a two", endless[:fifo.MaxRecord+1], "b three"}
	for _, size := range []int{1, 2, 3, 7, 4096, 65536, len(stream)} {
		var f frames
		var got []string
		for piece := range slices.Chunk([]byte(stream), size) {
			for record := range f.records(piece) {
				got = append(got, string(record))
			}
		}
		if !slices.Equal(got, want) || string(f.part) != "half" || cap(f.part) > 4*fifo.MaxRecord {
			t.Errorf("in pieces of %d: %.30q, %q, %d bytes kept", size, got, f.part, cap(f.part))
		}
	}
}
