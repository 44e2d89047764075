package merge

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// A collector puts the pieces of lines together again.
type collector struct {
	lines
	t      testing.TB
	text   []byte // nil: it is not kept
	size   int    // of all
	pieces int
	open   bool // a line goes on
}

func collect(t testing.TB, b *budget) *collector {
	c := &collector{t: t, text: []byte{}}
	c.budget = b
	c.emit = func(line []byte, rest, more bool) {
		if rest != c.open || len(line) > MaxLine {
			t.Fatalf("a piece of %d bytes, rest %v, after one that goes on %v", len(line), rest, c.open)
		}
		c.pieces++
		c.size += len(line)
		c.open = more
		if c.text != nil {
			c.text = append(c.text, line...)
		}
		if !more && c.text != nil {
			c.text = append(c.text, '\n')
		}
	}
	return c
}

func newBudget() *budget { return &budget{holders: map[*lines]struct{}{}} }

// Whatever is read, and however it is cut, comes out as it is, but for a line feed at
// the end.
func FuzzLines(f *testing.F) {
	for _, text := range []string{"", "\n", "a", "a\nb", "\n\n", "ä\xff\x00\n", strings.Repeat("long ", 2000)} {
		f.Add([]byte(text), uint64(1))
	}
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		b := newBudget()
		c := collect(t, b)
		random := rand.New(rand.NewPCG(seed, 0))
		for rest := text; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			read := bytes.Clone(rest[:n])
			c.take(read)
			clear(read) // nothing of it is kept
			rest = rest[n:]
		}
		c.complete()
		want := text
		if len(text) > 0 && text[len(text)-1] != '\n' {
			want = append(bytes.Clone(text), '\n')
		}
		if !bytes.Equal(c.text, want) || c.open {
			t.Fatalf("%q of %q", c.text, want)
		}
		if b.forget(&c.lines); b.held != 0 || len(b.holders) != 0 {
			t.Errorf("%d bytes are held, by %d", b.held, len(b.holders))
		}
	})
}

// A line that is too long comes in pieces, none of which cuts a character.
func TestLongLine(t *testing.T) {
	for _, size := range []int{MaxLine - 1, MaxLine, MaxLine + 1, 2 * MaxLine, 5*MaxLine + 7} {
		for _, end := range []string{"", "\n", "\nmore"} {
			text := []byte("x" + strings.Repeat("€", size/3) + strings.Repeat("x", size%3) + end)
			c := collect(t, newBudget())
			emit := c.emit
			c.emit = func(line []byte, rest, more bool) {
				if !utf8.Valid(line) {
					t.Errorf("a piece of %d bytes cuts a character", len(line))
				}
				emit(line, rest, more)
			}
			for rest := text; len(rest) > 0; {
				n := min(turnSize, len(rest))
				c.take(rest[:n])
				rest = rest[n:]
			}
			c.complete()
			if want := strings.TrimSuffix(string(text), "\n") + "\n"; string(c.text) != want {
				t.Errorf("%d bytes came of %d", len(c.text), len(want))
			}
		}
	}
}

// A line of exactly the limit is one; a byte more makes two pieces.
func TestLimitOfALine(t *testing.T) {
	for size, want := range map[int]int{MaxLine: 1, MaxLine + 1: 2} {
		c := collect(t, newBudget())
		c.take(bytes.Repeat([]byte("x"), size-1))
		c.take([]byte("x\n"))
		if c.pieces != want || c.open {
			t.Errorf("%d bytes came in %d pieces, want %d", size, c.pieces, want)
		}
	}
}

// However many hold something, it is bounded; the longest line is the one that is cut.
func TestBudget(t *testing.T) {
	b := newBudget()
	short := collect(t, b)
	short.take([]byte("short"))
	var all []*collector
	piece := bytes.Repeat([]byte("x"), turnSize)
	for range 50 {
		c := collect(t, b)
		c.text = nil
		all = append(all, c)
	}
	for range 3 * MaxLine / turnSize {
		for _, c := range all {
			c.take(piece)
			if b.held > MaxHeld {
				t.Fatalf("%d bytes are held", b.held)
			}
		}
	}
	for i, c := range all {
		c.take([]byte("\n"))
		if c.size != 3*MaxLine {
			t.Errorf("source %d: %d bytes", i, c.size)
		}
	}
	if short.complete(); short.pieces != 1 {
		t.Errorf("the shortest line was cut into %d pieces", short.pieces)
	}
}

// Where there are so many that what each holds is little, nothing is cut.
func TestBudgetOfMany(t *testing.T) {
	b := newBudget()
	b.held = MaxHeld
	for range 100 {
		c := collect(t, b)
		c.take(bytes.Repeat([]byte("x"), smallest))
		if c.pieces > 0 {
			t.Fatal("cut")
		}
	}
}
