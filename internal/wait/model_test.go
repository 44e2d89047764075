package wait

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kith/internal/kithtest"
)

// The model of the protocol holds at every interleaving of every step, stores on
// their way to memory included. Without its fences, or with one announcement for
// several parks, a side sleeps for ever, and Spin says so: a deadlock is an invalid
// end state.
func TestModel(t *testing.T) {
	kithtest.Need(t, "spin")
	kithtest.Need(t, "gcc")
	const holds, sleeps = "errors: 0", "invalid end state"
	for _, model := range []struct{ name, flags, want string }{
		{"barrier, fences that are asked for, death and cancellation", "-DMESSAGES=2", holds},
		{"no barrier, but stores that fence", "-DMESSAGES=2 -DXCHG", holds},
		{"no fence at all", "-DNOFENCE", sleeps},
		{"fences that are asked for in vain", "-DDEAF", sleeps},
		{"one announcement for several parks", "-DONEWORD", sleeps},
		{"one message more, and no cancellation", "-DCANCELS=0", holds},
	} {
		if model.flags == "-DCANCELS=0" && *scale == 1 {
			continue // it has 12 million states
		}
		t.Run(model.name, func(t *testing.T) {
			t.Parallel()
			if said := verify(t, strings.Fields(model.flags)); !strings.Contains(said, model.want) {
				t.Errorf("want %q:\n%s", model.want, said)
			}
		})
	}
}

// verify is what Spin's verifier says of the model, with all its states searched.
func verify(t *testing.T, flags []string) string {
	t.Helper()
	source, err := filepath.Abs("testdata/wait.pml")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	run(t, folder, "spin", append(flags, "-a", source)...)
	run(t, folder, "gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c")
	said := run(t, folder, "./pan", "-n", "-m1000")
	if strings.Contains(said, "max search depth too small") || strings.Contains(said, "out of memory") {
		t.Errorf("the search was cut short:\n%s", said)
	}
	return said
}

func run(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = folder
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, said)
	}
	return string(said)
}
