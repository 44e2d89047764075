package cli

import (
	"os"
	"testing"
)

// No two sources have one name, whatever they are called.
func TestMergeNames(t *testing.T) {
	names, taken := mergeNames{}, map[string]bool{}
	for _, given := range []string{"a", "a", "a#2", "a#2", "a", "b#2", "b", "b", "a#2#2"} {
		name := names.of(given)
		if taken[name] {
			t.Errorf("two are called %q", name)
		}
		taken[name] = true
	}
}

// Standard input has one reader, also where it is a file, whose lines two would tear.
func TestMergeStdinOnce(t *testing.T) {
	p := newPlace(t)
	p.sh("seq 50000 > file")
	file, err := os.Open(p.path("file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, w := pipe(t)
	k := p.start([]string{"merge", "--no-prefix", "-", "-"}, stdin(file), stdout(w))
	_ = w.Close()
	m := newMerger(k, r)
	if err := os.WriteFile(p.path("got"), []byte(m.heard()), 0o600); err != nil {
		t.Fatal(err)
	}
	p.sh("cmp file got")
	m.expect(exitFailed, "kith: -#2: given twice: each of the two would lack what the other reads\n")
}
