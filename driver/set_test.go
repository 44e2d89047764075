package driver

import (
	"errors"
	"strings"
	"testing"
)

// A key that is set is as one that was written, and no copy of the address has it.
func TestSet(t *testing.T) {
	was, err := ParseAddress("shm:x?limit=1m")
	if err != nil {
		t.Fatal(err)
	}
	a, b := was, was
	if err := errors.Join(a.Set("owner", "50% & more"), b.Set("owner", "1")); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{was.String(): "shm:x?limit=1m", a.String(): "shm:x?limit=1m&owner=50%25 %26 more", b.String(): "shm:x?limit=1m&owner=1"} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for says, err := range map[string]error{`"owner" is given twice`: a.Set("owner", "2"), `"limit" is given twice`: a.Set("limit", "1m"), "NUL": a.Set("group", "\x00")} {
		if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
	if err := a.Done(); !errors.Is(err, ErrAddress) {
		t.Errorf("a key that nobody took: %v", err)
	}
}
