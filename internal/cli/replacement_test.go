package cli

import (
	"os"
	"testing"
)

// The way taken where the file system knows no files without a name.
func TestReplacementWithName(t *testing.T) {
	for _, publish := range []bool{true, false} {
		p := newPlace(t)
		r := &replacement{target: p.path("out")}
		file, err := r.createNamed()
		if err != nil {
			t.Fatal(err)
		}
		if left := list(t, p.files); len(left) != 1 || p.path(left[0]) != r.temporary {
			t.Errorf("files: %q, want the temporary one", left)
		}
		if _, err := file.WriteString("new"); err != nil {
			t.Fatal(err)
		}
		var want []string
		if publish {
			if err := r.publish(file); err != nil {
				t.Fatal(err)
			}
			p.wantFile("out", []byte("new"))
			want = []string{"out"}
		}
		r.discard()
		_ = file.Close()
		p.wantLeft(want...)
	}
}

// A name that another process takes in the meantime is replaced all the same.
func TestReplacementMeetsAnother(t *testing.T) {
	p := newPlace(t)
	file, r, err := newReplacement(p.path("out"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("new"); err != nil {
		t.Fatal(err)
	}
	p.wantLeft()
	p.write("out", 10)
	if err := r.publish(file); err != nil {
		t.Fatal(err)
	}
	p.wantFile("out", []byte("new"))
	p.wantLeft("out")
}

func TestFollowLinksInCircle(t *testing.T) {
	p := newPlace(t)
	if err := os.Symlink("loop", p.path("loop")); err != nil {
		t.Fatal(err)
	}
	if name, err := followLinks(p.path("loop")); err == nil {
		t.Errorf("got %q, want an error", name)
	}
}
