package merge

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// What JSON writes is one line, and says what was given.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{"", "plain", "\"quoted\" \\ <&>", "\x00\x1f\x7f", "ä\u2028", "\xff\xfe", "\r"} {
		f.Add([]byte(text), text, true)
	}
	f.Fuzz(func(t *testing.T, text []byte, source string, more bool) {
		if !utf8.ValidString(source) {
			return // the names of the command line are quoted before
		}
		before := []byte("before\n")
		got := JSON(bytes.Clone(before), Line{Source: source, Bytes: text, More: more})
		object, found := bytes.CutPrefix(got, before)
		if !found || bytes.IndexByte(object, '\n') != len(object)-1 {
			t.Fatalf("%q", got)
		}
		var said struct {
			Source string
			Line   *string
			Base64 []byte
			More   bool
		}
		if err := json.Unmarshal(object, &said); err != nil {
			t.Fatalf("%q: %v", object, err)
		}
		if said.Source != source || said.More != more || (said.Line != nil) != utf8.Valid(text) {
			t.Fatalf("%q of %q", object, text)
		}
		if said.Line != nil {
			said.Base64 = []byte(*said.Line)
		}
		if !bytes.Equal(said.Base64, text) {
			t.Fatalf("%q of %q", object, text)
		}
	})
}
