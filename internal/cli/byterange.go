package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"kith/lock"
)

// byteRange is the value of --range, checked as it is parsed.
type byteRange struct {
	lock.Range
	given bool
}

func (r *byteRange) Type() string { return "START:LENGTH" }

func (r *byteRange) String() string {
	switch {
	case !r.given:
		return ""
	case r.Length == 0:
		return fmt.Sprintf("%d:", r.Start)
	}
	return fmt.Sprintf("%d:%d", r.Start, r.Length)
}

func (r *byteRange) Set(text string) error {
	start, length, found := strings.Cut(text, ":")
	from, err := strconv.ParseInt(start, 10, 64)
	size := int64(0)
	if err == nil && length != "" {
		size, err = strconv.ParseInt(length, 10, 64)
	}
	if !found || err != nil || from < 0 || size < 0 || (length != "" && size == 0) || size > math.MaxInt64-from {
		return errors.New("want START:LENGTH, or START: for all from there, in bytes")
	}
	*r = byteRange{lock.Range{Start: from, Length: size}, true}
	return nil
}
