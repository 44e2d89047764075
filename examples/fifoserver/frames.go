package main

import (
	"bytes"
	"iter"
	"regexp"

	"kith/fifo"
)

// frames makes records of what is read, which comes in pieces of any size.
type frames struct {
	part []byte // of a record whose end has not come yet
}

// records is each line that is whole now, good until the next. Of a line that is too
// long it keeps no more than shows that.
func (f *frames) records(came []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.SplitAfterSeq(came, []byte("\n")) {
			room := fifo.MaxRecord + 1 - len(f.part)
			f.part = append(f.part, line[:min(room, len(line))]...)
			if !bytes.HasSuffix(line, []byte("\n")) {
				return // the rest is to come
			}
			if !yield(bytes.TrimSuffix(f.part, []byte("\n"))) {
				return
			}
			f.part = f.part[:0]
		}
	}
}

var request = regexp.MustCompile(`(?s)^([A-Za-z0-9]{1,64}) (.*)$`)

// parse returns false for what is no request.
func parse(record []byte) (client, words string, is bool) {
	parts := request.FindSubmatch(record)
	if parts == nil || len(parts[2]) > mostWords {
		return "", "", false
	}
	return string(parts[1]), string(parts[2]), true
}
