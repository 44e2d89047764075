package ring

import (
	"encoding/binary"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// drawn is the table of the package's doc, held to the constants below.
var drawn = []struct {
	offset int
	size   string
	says   string
}{
	{0, "8", `magic "kithring"`},
	{sizeAt, "8", "size of the ring"},
	{consumedAt, "8", "consumed:"},
	{wantsDataAt, "8", "wants data:"},
	{wantsRoomAt, "8", "wants room:"},
	{ControlSize, "…", "the ring"},
}

func TestLayoutIsAsDrawn(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "layout.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\s+(\d+)\s+(8|…)\s+(.*)$`).FindAllStringSubmatch(file.Doc.Text(), -1)
	if len(rows) != len(drawn) {
		t.Fatalf("the doc draws %d rows, this test knows %d", len(rows), len(drawn))
	}
	for i, want := range drawn {
		offset, size, says := rows[i][1], rows[i][2], rows[i][3]
		if offset != strconv.Itoa(want.offset) || size != want.size || !strings.HasPrefix(says, want.says) {
			t.Errorf("row %d is %q, want %d %s %s…", i, rows[i][0], want.offset, want.size, want.says)
		}
	}
}

// The numbers themselves: what a program in another language is written to.
func TestLayoutOfBytes(t *testing.T) {
	const size = 4096
	p := newPair(t, size, true)
	Sign(p.left, size)
	s := NewSegment(p.left, size)
	s.Consumed.Store(0x1111)
	s.WantsData.Store(0x2222)
	s.WantsRoom.Store(0x3333)
	if written, err := p.producer.Write(More, []byte("abcdefghi")); !written || err != nil {
		t.Fatal(written, err)
	}
	p.producer.Goodbye()

	if got := string(p.left[:8]); got != "kithring" {
		t.Errorf("magic is %q", got)
	}
	for offset, want := range map[int]uint64{
		8: size, 128: 0x1111, 256: 0x2222, 384: 0x3333,
		4096: 2<<56 | 9, 4096 + 24: 3 << 56,
	} {
		if got := binary.NativeEndian.Uint64(p.left[offset:]); got != want {
			t.Errorf("at %d is %#x, want %#x", offset, got, want)
		}
	}
	if got := string(p.left[4104:][:9]); got != "abcdefghi" {
		t.Errorf("the body is %q", got)
	}
	if string(p.left[4096:][:size]) != string(p.left[4096+size:][:size]) {
		t.Error("the second mapping of the ring has other bytes than the first")
	}
}

func TestBounds(t *testing.T) {
	for size, want := range map[uint64]bool{
		0: false, 1: false, 2048: false, 4095: false, 4096: true, 4097: false, 6144: false, 8192: true,
		1 << 30: true, 1<<30 + 1: false, 1 << 31: false, 1 << 63: false, ^uint64(0): false,
	} {
		if got := ValidSize(size); got != want {
			t.Errorf("ValidSize(%d) is %v", size, got)
		}
	}
	for size, want := range map[int]int{4096: 1024, 64 << 10: 16 << 10, 1 << 20: 256 << 10, 1 << 30: 1 << 28} {
		if got := MaxBody(size); got != want {
			t.Errorf("MaxBody(%d) is %d, want %d", size, got, want)
		}
		if got := (Segment{size: uint64(size)}).MaxBody(); got != want {
			t.Errorf("the MaxBody of a segment of %d is %d, want %d", size, got, want)
		}
		if got := (Segment{size: uint64(size)}).MaxPiece(); got != min(want, 256<<10) {
			t.Errorf("the MaxPiece of a segment of %d is %d", size, got)
		}
	}
}
