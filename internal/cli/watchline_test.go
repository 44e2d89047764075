package cli

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A watch is a `kith watch --json` that runs.
type watch struct {
	*process
	reader *os.File
	out    *bufio.Reader
}

// watch starts one, and returns when it watches: it watches before its command runs, whose
// own line is read here.
func (p *place) watch(args []string, change ...func(*exec.Cmd)) *watch {
	p.t.Helper()
	args = append(args, "--", "echo", "ready")
	w := p.startWatch(args, change...)
	if line := w.read(); line != "ready\n" {
		p.t.Fatalf("%v said %q before its command\n%s", args, line, w.told.String())
	}
	if l := w.hear(); l.Name != "echo ready" || l.Status == nil {
		p.t.Fatalf("%v said %+v, want that its command has ended", args, l)
	}
	return w
}

func (p *place) startWatch(args []string, change ...func(*exec.Cmd)) *watch {
	p.t.Helper()
	out, in := pipe(p.t)
	k := p.start(append([]string{"watch", "--json"}, args...), append(change, stdout(in))...)
	w := &watch{k, out, bufio.NewReader(out)}
	_ = in.Close()
	return w
}

func (w *watch) read() string {
	w.t.Helper()
	line, err := w.out.ReadString('\n')
	if err != nil {
		w.t.Fatalf("%q, %v\n%s", line, err, w.stderr())
	}
	return line
}

func (w *watch) hear() watchLine {
	w.t.Helper()
	return parseLine(w.t, w.read())
}

// end checks that nothing more comes, and the exit status.
func (w *watch) end(status int, message string) {
	w.t.Helper()
	if line, err := w.out.ReadString('\n'); err == nil {
		w.t.Errorf("one line more: %q", line)
	}
	w.expect(status, message)
}

// parseLine holds a line of --json to what the help says of it.
func parseLine(t *testing.T, text string) (l watchLine) {
	t.Helper()
	strict := json.NewDecoder(strings.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&l); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	has := map[string]any{}
	if err := json.Unmarshal([]byte(text), &has); err != nil {
		t.Fatal(err)
	}
	must, may := "", ""
	switch l.Event {
	case "exit":
		must, may = "pid", "name status signal core seconds"
	case "zombie":
		must, may = "pid", "name"
	case "hangup":
		must = "fifo"
	case "oom":
		must = "cgroup times killed"
	case "removed", "populated", "empty":
		must = "cgroup"
	case "failed":
		must, may = "error", "pid name cgroup fifo"
	default:
		t.Errorf("no event: %q", text)
	}
	must += " time event"
	for _, field := range strings.Fields(must) {
		if _, there := has[field]; !there {
			t.Errorf("no %s in %q", field, text)
		}
		delete(has, field)
	}
	for _, field := range strings.Fields(may) {
		delete(has, field)
	}
	if len(has) > 0 || l.Status != nil && l.Signal != "" || (l.Signal == "") != (l.Core == nil) {
		t.Errorf("%v is too much in %q", has, text)
	}
	if age := time.Since(l.Time); age < 0 || age > hung {
		t.Errorf("%q is %v old", text, age)
	}
	return l
}
