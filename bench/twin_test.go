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

func buildTwin(t testing.TB, at compare.Placement) twin {
	t.Helper()
	kithtest.Need(t, "gcc")
	path := filepath.Join(t.TempDir(), "twin")
	gcc := exec.CommandContext(t.Context(), "gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, "../clients/c/twin.c")
	if out, err := gcc.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return twin{path, at}
}

// The twin checks every message that it carries. Here the rings are gone round
// several times, and no time is looked at.
func TestTwin(t *testing.T) {
	at := place(t)
	c := buildTwin(t, at)
	if c.run(t, "cacheline", 0, 10) <= 0 {
		t.Error("no time for a cache line")
	}
	for _, size := range []int{0, 64, 64 << 10} {
		for _, kind := range []compare.Kind{compare.RoundTrip, compare.OneWay} {
			if c.measure(t, compare.Cell{Kind: kind, Size: size, Count: 50}) <= 0 {
				t.Errorf("no time for %s of %d bytes", kind, size)
			}
		}
	}
	for _, mode := range []string{"batch", "inplace", "passing"} {
		for _, cell := range []struct {
			size, count int
			more        []string
		}{{0, 500, nil}, {64, 500, []string{"4096", "3"}}, {64 << 10, 50, nil}, {1 << 20, 20, []string{"8388608"}}} {
			if c.run(t, mode, cell.size, cell.count, cell.more...) <= 0 {
				t.Errorf("no time for %s of %d bytes", mode, cell.size)
			}
		}
	}
	for _, args := range [][]string{
		{}, {"rtt", "63", "1", "0", "0"}, {"oneway", "131072", "1", "0", "0"}, {"rtt", "64", "x", "0", "0"},
		{"rtt", "64", "1", "0", "0", "4097"}, {"rtt", "2048", "1", "0", "0", "4096"}, {"batch", "64", "1", "0", "0", "4096", "0"},
	} {
		if err := exec.CommandContext(t.Context(), c.path, args...).Run(); err == nil {
			t.Errorf("twin %q worked", args)
		}
	}
}

// modes are the twin's names for the kinds.
var modes = map[compare.Kind]string{compare.RoundTrip: "rtt", compare.OneWay: "oneway"}

// measure is the time of an op in nanoseconds.
func (t twin) measure(b testing.TB, cell compare.Cell) float64 {
	return t.run(b, modes[cell.Kind], cell.Size, cell.Count)
}

// cacheLine is what nothing can beat, at this moment.
func (t twin) cacheLine(b testing.TB) float64 {
	return t.run(b, "cacheline", 0, 200_000)
}

// run is one run of the program. What follows the count is the size of the rings in bytes,
// and how many messages are published at once.
func (t twin) run(b testing.TB, mode string, size, count int, more ...string) float64 {
	b.Helper()
	args := []string{mode, strconv.Itoa(size), strconv.Itoa(count), strconv.Itoa(t.at.Leader), strconv.Itoa(t.at.Follower)}
	out, err := exec.CommandContext(b.Context(), t.path, append(args, more...)...).Output()
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
