package merge

import (
	"bytes"
	"unicode/utf8"
)

// The limits of what is held of lines that have not ended, in bytes.
const (
	// MaxLine is the longest line that is written as one. A longer one is written in
	// pieces.
	MaxLine = 1 << 20
	// MaxHeld is for all sources together. Beyond it, the longest line that is held
	// is written as a piece.
	MaxHeld = 32 << 20
)

// lines makes lines of the bytes of a source.
type lines struct {
	emit   func(line []byte, rest, more bool)
	budget *budget
	held   []byte // of a line that has not ended
	rest   bool   // of that line, a piece was written
}

// take takes what was read. It keeps nothing of p.
func (l *lines) take(p []byte) {
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.hold(p)
			return
		}
		l.finish(p[:end])
		p = p[end+1:]
	}
}

// finish writes a line that ends with these bytes.
func (l *lines) finish(end []byte) {
	if len(l.held)+len(end) > MaxLine {
		end = l.fill(end)
	}
	if len(l.held) == 0 {
		l.emit(end, l.rest, false)
	} else {
		l.grow(end)
		l.emit(l.held, l.rest, false)
		l.release()
	}
	l.rest = false
}

// hold keeps the begin of a line.
func (l *lines) hold(begin []byte) {
	if len(l.held)+len(begin) > MaxLine {
		begin = l.fill(begin)
	}
	if len(begin) > 0 {
		l.grow(begin)
		l.budget.keep(l)
	}
}

// fill writes what is held as a piece, filled up, and returns what is left of the
// bytes, which are fewer than MaxLine.
func (l *lines) fill(p []byte) []byte {
	n := MaxLine - len(l.held)
	l.grow(p[:n])
	l.cut()
	return p[n:]
}

// cut writes what is held as a piece, but for the begin of a character.
func (l *lines) cut() {
	whole := wholeRunes(l.held)
	l.emit(l.held[:whole], l.rest, true)
	begin := bytes.Clone(l.held[whole:])
	l.release()
	l.rest = true
	l.grow(begin)
}

// complete writes a line that the end of its source ended.
func (l *lines) complete() {
	if len(l.held) > 0 || l.rest {
		l.finish(nil)
	}
}

// smallest is how much room a source may keep while it holds nothing, in bytes.
const smallest = 4 << 10

func (l *lines) grow(p []byte) {
	before := cap(l.held)
	l.held = append(l.held, p...)
	l.budget.held += cap(l.held) - before
}

func (l *lines) release() {
	if cap(l.held) > smallest {
		l.budget.held -= cap(l.held)
		l.held = nil
	}
	l.held = l.held[:0]
}

// wholeRunes is how many bytes there are without the begin of a character at the end.
func wholeRunes(p []byte) int {
	for back := 1; back <= min(utf8.UTFMax-1, len(p)-1); back++ {
		at := len(p) - back
		if utf8.RuneStart(p[at]) {
			if !utf8.FullRune(p[at:]) {
				return at
			}
			break
		}
	}
	return len(p)
}

// A budget is what all sources may hold together.
type budget struct {
	held    int // the room that they have, in bytes
	holders map[*lines]struct{}
}

// keep notes who holds something, and cuts the longest until it is within MaxHeld.
func (b *budget) keep(l *lines) {
	b.holders[l] = struct{}{}
	for b.held > MaxHeld {
		longest := l
		for other := range b.holders {
			if len(other.held) > len(longest.held) {
				longest = other
			}
		}
		if len(longest.held) <= smallest {
			return
		}
		longest.cut()
	}
}

func (b *budget) forget(l *lines) {
	b.held -= cap(l.held)
	delete(b.holders, l)
}
