package bench

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"kith/internal/compare"
	"kith/internal/kithtest"
)

// A twin is the C program, pinned as ours is.
type twin struct {
	path string
	at   compare.Placement
}

func buildTwin(b *testing.B, at compare.Placement) twin {
	b.Helper()
	kithtest.Need(b, "gcc")
	path := filepath.Join(b.TempDir(), "twin")
	if out, err := exec.CommandContext(b.Context(), "gcc", "-O2", "-o", path, "../clients/c/twin.c").CombinedOutput(); err != nil {
		b.Fatalf("gcc: %v\n%s", err, out)
	}
	return twin{path, at}
}

// modes are the twin's names for the kinds.
var modes = map[compare.Kind]string{compare.RoundTrip: "rtt", compare.OneWay: "oneway"}

// measure is the time of an op in nanoseconds.
func (t twin) measure(b *testing.B, cell compare.Cell) float64 {
	return t.run(b, modes[cell.Kind], cell.Size, cell.Count)
}

// cacheLine is what nothing can beat, at this moment.
func (t twin) cacheLine(b *testing.B) float64 {
	return t.run(b, "cacheline", 0, 200_000)
}

func (t twin) run(b *testing.B, mode string, size, count int) float64 {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), t.path, mode, strconv.Itoa(size), strconv.Itoa(count),
		strconv.Itoa(t.at.Leader), strconv.Itoa(t.at.Follower)).Output()
	if err != nil {
		b.Fatalf("%s %s: %v", t.path, mode, err)
	}
	var line struct {
		NsPerOp float64 `json:"ns_per_op"`
	}
	if err := json.Unmarshal(out, &line); err != nil {
		b.Fatalf("%v in %s", err, out)
	}
	return line.NsPerOp
}
