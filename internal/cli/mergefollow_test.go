package cli

import (
	"fmt"

	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// sh runs a script of the shell in the place, to its end.
func (p *place) sh(script string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "sh", "-c", script)
	cmd.Dir = p.files
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// interrupt ends a merger, which must have said this by then.
func (m *merger) interrupt(said ...string) {
	m.t.Helper()
	m.signal(syscall.SIGINT)
	m.expect(exitINT, strings.Join(append(said, "kith: interrupted (interrupt)\n"), ""))
	if rest := m.heard(); rest != "" {
		m.t.Errorf("%v wrote %q more", m.Args, rest)
	}
}

func TestMergeFollowsAFile(t *testing.T) {
	everyBackend(t, func(t *testing.T, backend string) {
		p := newPlace(t)
		p.sh(`printf 'first\nhal' > log`)
		m := p.merge("--follow", "--backend", backend, "log")
		m.hear("log: first")
		p.sh(`printf 'f\nthird\n' >> log`)
		m.hear("log: half", "log: third")
		p.sh(`printf 'fourth\n' >> log; printf 'cut' >> log`)
		m.hear("log: fourth")
		p.sh(`: > log`)
		m.hear("log: cut")
		p.sh(`echo again >> log`)
		m.hear("log: again")
		m.interrupt("kith: log: was truncated, and is read from its start\n")
	})
}

// A file that is rotated is read to its end, also what is written to it under its
// other name; then the one that has taken its place is.
func TestMergeFollowsARotation(t *testing.T) {
	p := newPlace(t)
	p.sh(`echo first > log`)
	m := p.merge("--follow", "log")
	m.hear("log: first")
	for i := range 20 {
		p.sh(`mv log log.1; echo late >> log.1`)
		m.hear("log: late")
		p.sh(fmt.Sprintf(`printf 'last %d' >> log.1; echo new > log.new; mv log.new log; echo newer >> log`, i))
		m.hear(fmt.Sprintf("log: last %d", i), "log: new", "log: newer")
	}
	m.interrupt()
	if got := strings.Count(m.stderr(), "kith: log: was replaced, and the new one is read\n"); got != 20 {
		t.Errorf("said %d times of 20 that it was replaced:\n%s", got, m.stderr())
	}
}

// Those that cannot be opened yet are waited for. Others are read meanwhile.
func TestMergeFollowsWhatAppears(t *testing.T) {
	p := newPlace(t)
	p.sh(`echo here > there`)
	m := p.merge("--follow", "missing", "there", "fifo", "nowhere/file")
	m.hear("there: here")
	p.sh(`echo come > missing`)
	m.hear("missing: come")
	p.sh(`mkfifo fifo; echo through > fifo`)
	m.hear("fifo: through")
	p.sh(`rm missing there; echo back > there`)
	m.hear("there: back")
	p.sh(`mkfifo missing; echo changed > missing`)
	m.hear("missing: changed")
	m.interrupt()
	for _, said := range []string{"missing: no such file or directory", "fifo: no such file or directory", "nowhere/file: no such file or directory", "missing: has appeared", "fifo: has appeared"} {
		if strings.Count(m.stderr(), "kith: "+said+"\n") != 1 {
			t.Errorf("%q was not said once:\n%s", said, m.stderr())
		}
	}
}

// One writer after the other comes to a FIFO and goes, in the middle of a line, too.
func TestMergeFollowsAFIFO(t *testing.T) {
	everyBackend(t, func(t *testing.T, backend string) {
		p := newPlace(t)
		p.fifo("fifo")
		m := p.merge("--follow", "--backend", backend, "fifo")
		for i := range 50 {
			p.sh(fmt.Sprintf(`printf 'whole %d\nhalf' > fifo`, i))
			m.hear(fmt.Sprintf("fifo: whole %d", i), "fifo: half")
		}
		p.sh(`rm fifo; mkfifo fifo; echo other > fifo`)
		m.hear("fifo: other")
		m.interrupt()
	})
}

// Without --follow, a FIFO ends when its last writer has gone, and not before the
// first has come.
func TestMergeEndsWithTheWriters(t *testing.T) {
	everyBackend(t, func(t *testing.T, backend string) {
		p := newPlace(t)
		p.fifo("fifo")
		p.sh("echo begins > file")
		m := p.merge("--backend", backend, "file", "fifo")
		m.hear("file: begins")
		p.sh(`exec 3> fifo; echo one > fifo; echo two >&3`)
		m.hear("fifo: one", "fifo: two")
		m.expect(exitDone, "")
	})
}
