package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// A dump writes bytes as hexdump -C does: sixteen a line, and a * for lines that
// are as the one before.
type dump struct {
	to      io.Writer
	at      int64  // of the line
	line    []byte // what there is of it
	last    []byte // the line before
	skipped bool
}

const dumpLine = 16

func newDump(to io.Writer, offset int64) *dump { return &dump{to: to, at: offset} }

func (d *dump) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		n := min(dumpLine-len(d.line), len(p))
		d.line, p = append(d.line, p[:n]...), p[n:]
		if len(d.line) == dumpLine {
			if err := d.flush(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

// Close writes the last line, and where the bytes end.
func (d *dump) Close() error {
	if err := d.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(d.to, "%08x\n", d.at)
	return err
}

func (d *dump) flush() (err error) {
	switch {
	case len(d.line) == 0:
		return nil
	case !bytes.Equal(d.line, d.last):
		_, err = fmt.Fprintf(d.to, "%08x  %-24s %-24s |%s|\n", d.at, hexadecimal(d.line, 0), hexadecimal(d.line, dumpLine/2), visible(d.line))
	case !d.skipped:
		_, err = fmt.Fprintln(d.to, "*")
	}
	d.skipped = bytes.Equal(d.line, d.last)
	d.at += int64(len(d.line))
	d.last, d.line = append(d.last[:0], d.line...), d.line[:0]
	return err
}

// hexadecimal is one half of a line, from a byte on.
func hexadecimal(line []byte, from int) string {
	if from >= len(line) {
		return ""
	}
	return fmt.Sprintf("% x", line[from:min(from+dumpLine/2, len(line))])
}

func visible(line []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, latin(line))
}

// latin makes a rune of each byte.
func latin(line []byte) string {
	runes := make([]rune, len(line))
	for i, b := range line {
		runes[i] = rune(b)
	}
	return string(runes)
}
