package merge

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"
)

// A Line is one of a source, or a piece of one that is too long.
type Line struct {
	Source string
	Bytes  []byte // without the line feed
	Rest   bool   // it continues the piece before
	More   bool   // the line goes on in the next piece of this source
}

// A Format appends a line, as it is to be written, to a buffer.
type Format func(to []byte, line Line) []byte

// Bare writes the line alone.
func Bare(to []byte, line Line) []byte { return append(append(to, line.Bytes...), '\n') }

// Prefixed writes the source before the line, "source: line", and "source+ line" for
// a piece that continues the one before.
func Prefixed(to []byte, line Line) []byte {
	to = append(to, line.Source...)
	if line.Rest {
		to = append(to, "+ "...)
	} else {
		to = append(to, ": "...)
	}
	return Bare(to, line)
}

// JSON writes an object: "source", and "line", or "base64" where that is not UTF-8;
// "more" is true where the line goes on in the next object of that source.
func JSON(to []byte, line Line) []byte {
	to = appendText(append(to, `{"source":`...), []byte(line.Source))
	if utf8.Valid(line.Bytes) {
		to = appendText(append(to, `,"line":`...), line.Bytes)
	} else {
		to = append(to, `,"base64":"`...)
		to = append(base64.StdEncoding.AppendEncode(to, line.Bytes), '"')
	}
	if line.More {
		to = append(to, `,"more":true`...)
	}
	return append(to, "}\n"...)
}

// appendText appends a string of JSON. Most need no escapes.
func appendText(to, text []byte) []byte {
	if !bytes.ContainsFunc(text, special) {
		return append(append(append(to, '"'), text...), '"')
	}
	buffer := bytes.NewBuffer(to)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(string(text)) // a string can be
	return bytes.TrimSuffix(buffer.Bytes(), []byte{'\n'})
}

func special(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }
