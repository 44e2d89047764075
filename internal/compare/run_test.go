package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func silent(int, int, string) {}

// short are the options of a run that measures next to nothing.
func short(t *testing.T) Options {
	t.Setenv("TMPDIR", t.TempDir())
	input := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(input, bytes.Repeat([]byte("a real input\n"), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{
		Subjects: Subjects(),
		Input:    input,
		Duration: 50 * time.Millisecond,
		Save:     filepath.Join(t.TempDir(), "results"),
		Progress: silent,
	}
}

func TestRun(t *testing.T) {
	o := short(t)
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range report.Subjects {
		if s.Error != "" {
			t.Errorf("%s: %s", s.Name, s.Error)
			continue
		}
		if s.Stream == nil || s.Stream.SHA256 != report.Input.SHA256 {
			t.Errorf("%s: stream %+v, want SHA-256 %s", s.Name, s.Stream, report.Input.SHA256)
		}
		checkFigures(t, s)
	}
	checkJSON(t, report)
	checkLog(t, o.Save, len(report.Subjects))
	checkNothingLeft(t)
}

func checkFigures(t *testing.T, s SubjectReport) {
	t.Helper()
	if want := len(Sizes) * len(kinds); len(s.Figures) != want {
		t.Errorf("%s has %d figures, want %d", s.Name, len(s.Figures), want)
	}
	for _, f := range s.Figures {
		if len(f.NsPerOp) != rounds || f.MedianOp <= 0 || f.CPU <= 0 {
			t.Errorf("%s: %+v lacks rounds or times", s.Name, f)
		}
		if l := f.Latency; f.Kind == RoundTrip && (l == nil || l.P50 <= 0 || l.P99 < l.P50 || l.P999 < l.P99 || l.Max < l.P999) {
			t.Errorf("%s: latency %+v", s.Name, l)
		}
		if f.Kind == OneWay && (f.Messages <= 0 || f.Bytes != f.Messages*float64(f.Size)) {
			t.Errorf("%s: %v messages/s, %v bytes/s", s.Name, f.Messages, f.Bytes)
		}
	}
}

func checkJSON(t *testing.T, report *Report) {
	t.Helper()
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"schema", "machine", "placement", "cache_line_ns", "input", "transports", "warnings", "saved"} {
		if _, found := back[key]; !found {
			t.Errorf("the JSON lacks %q:\n%s", key, text)
		}
	}
}

// checkLog reads the log as a stranger would.
func checkLog(t *testing.T, path string, subjects int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range bytes.Lines(text) {
		var entry struct{ Type string }
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		count[entry.Type]++
	}
	if count["run"] != 1 || count["stream"] != subjects || count["cell"] != subjects*rounds*len(Sizes)*len(kinds) {
		t.Errorf("the log has %v", count)
	}
}

func checkNothingLeft(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// A run that is cut short keeps what it has, and clears up.
func TestRunCutShort(t *testing.T) {
	o := short(t)
	o.Duration = time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	o.Progress = func(done, _ int, what string) {
		if strings.HasPrefix(what, "round trip") {
			cancel(why)
		}
	}
	report, err := Run(ctx, o)
	if !errors.Is(err, why) || report.CutShort != why.Error() {
		t.Fatalf("got %v, %q, want %v", err, report.CutShort, why)
	}
	for _, s := range report.Subjects {
		if s.Stream == nil {
			t.Errorf("%s lost its stream", s.Name)
		}
	}
	checkNothingLeft(t)
}

// A subject that cannot be measured is a row that says why.
func TestRunWithFailingSubject(t *testing.T) {
	o := short(t)
	bad := Subject{Name: "unix", Address: "unix:/nowhere/at/all"}
	o.Subjects = []Subject{bad, find(t, "unix")}
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Subjects[0].Error; !strings.Contains(got, "/nowhere/at/all") {
		t.Errorf("the failing subject says %q", got)
	}
	checkFigures(t, report.Subjects[1])
}

func find(t *testing.T, name string) Subject {
	t.Helper()
	for _, s := range Subjects() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no %s", name)
	return Subject{}
}
