package wait

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"kith/internal/kithtest"
	"kith/internal/sys"
)

// An edit takes something out of the code that is shipped.
type edit struct{ file, from, to string }

var (
	noFence    = edit{"waiter.go", "\t\tsys.Barrier()\n", ""}
	noneAsked  = edit{"waiter.go", "\t\tatomic.StoreUint32(&b.fence, 0)", "\t\t"}
	noBarrier  = edit{"../sys/barrier.go", "unix.SYS_MEMBARRIER", "1<<30"} // as a kernel that has no such call
	plainStore = edit{"side_test.go", "!sys.HaveBarrier()", "false"}       // instead of XCHG
)

// Each fence is needed: TestMeeting is built of the shipped code without it, and loses a
// wake-up in a few dozen meetings. With what replaces it, where the kernel has no
// membarrier(2), it passes; and loses one again without that. (There the waiter's call
// only fails; it is left out, as it gives the store time to arrive.)
func TestWithoutAFence(t *testing.T) {
	kithtest.Need(t, "go")
	if runtime.GOARCH != "amd64" || len(allowed(t)) < 2 || !sys.HaveBarrier() {
		t.Log("it takes an amd64, where a publishing store is a plain one, two CPUs, and membarrier(2)")
		return
	}
	for _, test := range []struct {
		name   string
		edits  []edit
		fences string // see TestMeeting
		loses  bool
	}{
		{"no barrier", []edit{noFence}, "theirs", true},
		{"no barrier when the flag is new", []edit{noFence}, "either", true},
		{"the flag not heeded", []edit{noneAsked}, "ours", true},
		{"no membarrier, but stores that fence", []edit{noBarrier}, "theirs", false},
		{"no membarrier, and plain stores", []edit{noBarrier, noFence, plainStore}, "theirs", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			program := built(t, test.edits)
			args := []string{"-test.run=^TestMeeting$/^" + test.fences + "$", "-test.v"}
			if test.loses {
				args = append(args, "-bound=1s")
			}
			tries := 1
			if test.loses {
				tries = 100 // most lose one in the first; a try that loses none is short
			}
			for try := 1; ; try++ {
				said, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
				lost := strings.Contains(string(said), "LOST")
				if lost != test.loses && try < tries {
					continue
				}
				if lost != test.loses || (err != nil) != test.loses {
					t.Errorf("%v; it loses a wake-up: %v, want %v", err, lost, test.loses)
				}
				t.Logf("try %d: %s", try, said)
				return
			}
		})
	}
}

// built is this package's test binary, of edited code.
func built(t *testing.T, edits []edit) (program string) {
	t.Helper()
	folder := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, e := range edits {
		path, err := filepath.Abs(e.file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), e.from) {
			t.Fatalf("%s has no %q: where is it now?", e.file, e.from)
		}
		edited := filepath.Join(folder, filepath.Base(path))
		if err := os.WriteFile(edited, []byte(strings.ReplaceAll(string(text), e.from, e.to)), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[path] = edited
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "overlay.json"), list, 0o600); err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(folder, "wait.test")
	run(t, ".", "go", "test", "-c", "-overlay", filepath.Join(folder, "overlay.json"), "-o", program, ".")
	return program
}
